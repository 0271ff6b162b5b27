"""The renewals pipeline: how far a subscription is from its end, in the same steps as the notices.

Source: rules, section 5 (60, 30, 7 and 1 days), section 4 (grace, retained); experience, 7.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from chaveiro.rules.lifecycle import Stage, stage_on
from chaveiro.rules.policies import Policy


class Bucket(StrEnum):
    """Where a subscription stands in the pipeline. A number is the last notice threshold that was reached."""

    LATER = "later"
    SIXTY = "60"
    THIRTY = "30"
    SEVEN = "7"
    ONE = "1"
    GRACE = "grace"
    RETAINED = "retained"
    DELETED = "deleted"


# Days left until which the bucket holds, the nearest first.
THRESHOLDS = ((1, Bucket.ONE), (7, Bucket.SEVEN), (30, Bucket.THIRTY), (60, Bucket.SIXTY))

# What asks for somebody to act, the most urgent last; what lies later is no news, and what is deleted is past help.
PIPELINE = (Bucket.SIXTY, Bucket.THIRTY, Bucket.SEVEN, Bucket.ONE, Bucket.GRACE, Bucket.RETAINED)


def bucket_on(day: date, ends_on: date, policy: Policy, erased_on: date | None = None) -> Bucket:
    """The bucket on a day: by days left while active (with 31 days left it is among the 60), then by its stage."""
    stage = stage_on(day, ends_on, policy, erased_on)
    if stage is not Stage.ACTIVE:
        return Bucket(stage.value)
    days_left = (ends_on - day).days
    return next((bucket for threshold, bucket in THRESHOLDS if days_left <= threshold), Bucket.LATER)
