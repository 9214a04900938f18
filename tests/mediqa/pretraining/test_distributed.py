"""Two processes on one machine, as torchrun starts them."""

import os
import socket
import subprocess
import sys

import torch

from inference.mediqa.pretraining.distributed import Group, group_from_environment

SCRIPT = """
import torch
from inference.mediqa.pretraining.distributed import group_from_environment
with group_from_environment("cpu") as group:
    torch.manual_seed(group.rank)
    network = torch.nn.Linear(2, 1)
    group.share_start(network)
    network.weight.grad = torch.full_like(network.weight, float(group.rank))
    group.average_gradients(network)
    group.wait()
    print(group.rank, group.size, network.weight.grad.tolist(), group.agree(float(group.rank)), network.weight.tolist())
"""


def test_two_processes_start_alike_and_average_their_gradients():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    common = os.environ | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT], env=common | {"RANK": str(rank)}, stdout=subprocess.PIPE, text=True
        )
        for rank in range(2)
    ]
    lines = [process.communicate(timeout=120)[0].strip() for process in processes]
    assert [line.split(" ", 1)[0] for line in lines] == ["0", "1"]
    first, second = (line.split(" ", 1)[1] for line in lines)
    assert first == second
    assert first.startswith("2 [[0.5, 0.5]] 0.0 ")


def test_alone_nothing_is_averaged():
    with group_from_environment("cpu") as group:
        assert (group.rank, group.size, group.is_first) == (0, 1, True)
        network = torch.nn.Linear(2, 1)
        network.weight.grad = torch.ones_like(network.weight)
        group.average_gradients(network)
        assert network.weight.grad.tolist() == [[1.0, 1.0]]
        assert group.agree(0.25) == 0.25
    assert Group().device.type == "cpu"
