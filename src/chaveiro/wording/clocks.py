"""A test clock as programs read it."""

from __future__ import annotations
