"""Several processes, one for each GPU, as ``torchrun`` starts them; alone without it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import distributed, nn


@dataclass(frozen=True)
class Group:
    """This process among ``size``; rank 0 writes."""

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.size > 1:
            distributed.barrier()

    def share_start(self, network: nn.Module) -> None:
        """Give every process the weights of the first."""
        if self.size > 1:
            for value in network.state_dict().values():
                distributed.broadcast(value, src=0)

    def average_gradients(self, network: nn.Module) -> None:
        """Replace gradients by their mean over the processes."""
        if self.size > 1:
            for parameter in network.parameters():
                if parameter.grad is None:  # every process has to take part
                    parameter.grad = torch.zeros_like(parameter)
                distributed.all_reduce(parameter.grad)
                parameter.grad /= self.size

    def agree(self, value: float) -> float:
        """Return the first process's value in all of them."""
        if self.size == 1:
            return value
        shared = torch.tensor([value], device=self.device, dtype=torch.float64)
        distributed.broadcast(shared, src=0)
        return float(shared.item())


@contextmanager
def group_from_environment(device: str | None = None) -> Iterator[Group]:
    """Join the processes that ``torchrun`` names (RANK, WORLD_SIZE, LOCAL_RANK); a GPU each where there are any."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    has_gpu = torch.cuda.is_available()
    chosen = torch.device(device or (f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if has_gpu else "cpu"))
    if size == 1:
        yield Group(device=chosen)
        return
    distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield Group(distributed.get_rank(), size, chosen)
    finally:
        distributed.destroy_process_group()
