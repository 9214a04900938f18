"""Work spread over forked processes: what they need lies in memory already, and only arguments travel."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch

Argument = TypeVar("Argument")
Value = TypeVar("Value")
CHUNK = 4


def in_processes(workers: int, function: Callable[[Argument], Value], arguments: Sequence[Argument]) -> Iterator[Value]:
    """Yield the function's value for each argument, in order; one worker is this process itself."""
    if workers == 1:
        yield from map(function, arguments)
        return
    with multiprocessing.get_context("fork").Pool(workers, torch.set_num_threads, (1,)) as pool:
        yield from pool.imap(function, arguments, chunksize=CHUNK)
