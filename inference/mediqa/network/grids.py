"""Token grids cut into windows and put together again, as window attention wants them (Liu et al., ICCV 2021).

B counts grids, G is the side of a grid, W counts windows, n tokens of a window, C channels.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def relative_offsets(window: int) -> Tensor:
    """Index of the relative position of each pair in a window: [n, n] with n = window ** 2."""
    ticks = torch.arange(window)
    places = torch.stack(torch.meshgrid(ticks, ticks, indexing="ij")).reshape(2, -1)
    difference = places[:, :, None] - places[:, None, :] + window - 1
    return difference[0] * (2 * window - 1) + difference[1]


def shift_mask(grid: int, window: int, shift: int) -> Tensor:
    """-inf where the cyclic shift brings far places into one window: [W, n, n]."""
    region = torch.zeros(grid, dtype=torch.long)
    if shift:
        region[grid - window : grid - shift] = 1
        region[grid - shift :] = 2
    labels = (region[:, None] * 3 + region[None, :])[None, :, :, None].float()
    labels = windows_of(labels, window)[0, :, :, 0]  # [W, n]
    return torch.where(labels[:, :, None] == labels[:, None, :], 0.0, -math.inf)


def windows_of(grid: Tensor, window: int) -> Tensor:
    """[B, G, G, C] -> [B, W, n, C]."""
    batch, side, _, channels = grid.shape
    count = side // window
    blocks = grid.reshape(batch, count, window, count, window, channels).transpose(2, 3)
    return blocks.reshape(batch, count * count, window * window, channels)


def grid_of(windows: Tensor, window: int, side: int) -> Tensor:
    """Undo ``windows_of``."""
    batch, _, _, channels = windows.shape
    count = side // window
    blocks = windows.reshape(batch, count, count, window, window, channels).transpose(2, 3)
    return blocks.reshape(batch, side, side, channels)
