"""Waiting for something to become true, and not for time to pass."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def eventually(condition: Callable[[], Found], *, seconds: float = 30, what: str = "the condition") -> Found:
    """Return the condition's first true value; fail when the deadline passes without one."""
    pause = threading.Event()
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {seconds:g} s")
        pause.wait(0.02)
    return found
