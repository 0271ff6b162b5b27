"""Which day it is: the platform's own high-water mark, and test clocks with a day of their own."""

from __future__ import annotations

from django.db import models


class Clock(models.Model):
    """A test clock: the customers on it live on its day, which somebody moves forward. Instants stay real."""

    SEEN = ("seen_clock", "organisation_id")
    id = models.UUIDField(primary_key=True)
    name = models.TextField()
    day = models.DateField()
    organisation_id = models.UUIDField(null=True)  # whose clock it is, of the channel; null: the vendor's; opaque here
    created_by = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    moved_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    moving_to = models.DateField(null=True)  # while it moves: the day to which
    operation_id = models.UUIDField(null=True)  # the last move, as long work; opaque here


class Platform(models.Model):
    """The one row that remembers how far the real clock has come, and until when nothing may be erased."""

    SEEN = ("seen_by_operator",)
    id = models.SmallIntegerField(primary_key=True, default=1)
    day = models.DateField(null=True)  # the last day whose sweep began
    at = models.DateTimeField(null=True)  # the latest instant that a sweep has seen
    quiet_until = models.DateField(null=True)  # the first day on which erasing may begin again
    quiet_why = models.TextField(default="")

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="there_is_one_platform")]
