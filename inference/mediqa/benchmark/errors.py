"""What the benchmark refuses."""

from __future__ import annotations

from inference.mediqa.errors import MediqaError


class BadSet(MediqaError):
    """A set that can't be benchmarked; the message says what is wrong with it."""
