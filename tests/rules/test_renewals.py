"""The renewals pipeline stands in the same steps as the notices, and the rule and the database agree."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from chaveiro.rules.policies import Policy
from chaveiro.rules.renewals import Bucket, bucket_on

DAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("days_left", "bucket"),
    [
        (400, Bucket.LATER),
        (61, Bucket.LATER),
        (60, Bucket.SIXTY),
        (31, Bucket.SIXTY),
        (30, Bucket.THIRTY),
        (8, Bucket.THIRTY),
        (7, Bucket.SEVEN),
        (2, Bucket.SEVEN),
        (1, Bucket.ONE),
        (0, Bucket.GRACE),
        (-29, Bucket.GRACE),
        (-30, Bucket.RETAINED),
        (-400, Bucket.RETAINED),
    ],
)
def test_a_subscription_is_in_the_bucket_of_its_last_threshold_then_of_its_stage(
    days_left: int, bucket: Bucket
) -> None:
    assert bucket_on(DAY, DAY + timedelta(days=days_left), Policy()) is bucket


def test_what_was_erased_is_deleted_whatever_its_end_says() -> None:
    assert bucket_on(DAY, DAY + timedelta(days=90), Policy(), erased_on=DAY) is Bucket.DELETED
