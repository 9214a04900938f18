"""Faults across slices, from real neighbours. A slice is the mean of the body over its thickness
(Prince and Links, Medical Imaging Signals and Systems, 2nd ed., ch. 6 and 12: partial volume)."""

from __future__ import annotations

import torch
from torch import Tensor

from inference.mediqa.physics.generic import check_range


def slab_weights(offsets_mm: Tensor, thickness_mm: float) -> Tensor:
    """Return the share of a slab of ``thickness_mm`` around 0 that each slice stands for: [n], sums to 1.

    offsets_mm: places of the slices, ascending. Each stands for what lies nearer to it than to the others.
    """
    check_range("thickness_mm", thickness_mm, 0)
    middles = (offsets_mm[1:] + offsets_mm[:-1]) / 2
    end = torch.full((1,), torch.inf, device=offsets_mm.device)
    lower = torch.cat((-end, middles)).clamp(min=-thickness_mm / 2)
    upper = torch.cat((middles, end)).clamp(max=thickness_mm / 2)
    covered = (upper - lower).clamp(min=0)
    if float(covered.sum()) == 0:  # no thickness: the slice nearest to 0
        covered = (offsets_mm.abs() == offsets_mm.abs().min()).to(offsets_mm)
    return covered / covered.sum()


def apart_mm(offsets_mm: Tensor) -> float:
    """Return how far the slice at 0 lies from the nearest other one: what it is taken to be thick by itself."""
    return float(offsets_mm[offsets_mm != 0].abs().min())


def with_thickness(slices: Tensor, offsets_mm: Tensor, thickness_mm: float) -> Tensor:
    """Average slices [n, ..., rows, columns] at ``offsets_mm`` [n] over a slab of ``thickness_mm``.

    Partial volume: Prince and Links, ch. 6. [..., rows, columns].
    """
    mean: Tensor = torch.tensordot(slab_weights(offsets_mm, thickness_mm), slices, dims=1)
    return mean
