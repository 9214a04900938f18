"""Loaded by supervised Celery workers (`--include`): a killed worker takes its pool's children with it.

Celery's pool children outlive a `kill -9` of their worker until the task in hand ends. The kernel can end them
at once, and a task that was cut off is brought back by its Job's lease.
"""

import ctypes
import signal
import sys
from typing import Any

from celery.signals import worker_process_init

PR_SET_PDEATHSIG = 1


@worker_process_init.connect
def die_with_worker(**_: Any) -> None:
    """Ask the kernel to end this pool child when its worker ends (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
