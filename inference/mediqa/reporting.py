"""Lines for people while long work goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Report: TypeAlias = Callable[[str], None]


def unheard(line: str) -> None:
    """Say nothing."""
