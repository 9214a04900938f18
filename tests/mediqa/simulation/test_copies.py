"""Degraded copies of slices."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from inference.mediqa.physics import BY_NAME, degrade
from inference.mediqa.simulation.copies import (
    degraded_copies,
    draw_ladders,
    draw_severities,
    fidelity_of,
    image_of_copy,
    quality_of,
    subject_of,
)
from inference.mediqa.types import Prompt
from tests.mediqa.pretraining.slices import item


def test_physics_of_what_a_screen_showed_has_the_range_of_the_screen():
    shown = replace(item("us"), prompt=Prompt("2D", "US"), screen=(0.0, 255.0))
    subject = subject_of(shown)
    assert (subject.low, subject.high) == (0.0, 255.0)
    assert image_of_copy(shown, next(degraded_copies(shown, 1, np.random.default_rng(0)))).screen == (0.0, 255.0)
    own = subject_of(replace(shown, screen=None))
    assert (own.low, own.high) != (0.0, 255.0)


def test_severities_fit_the_modality_and_quality_falls_with_each():
    rng = np.random.default_rng(0)
    for modality in ("CT", "MR", "XR", "US", "unknown"):
        for _ in range(50):
            assert all(BY_NAME[name].fits(modality) for name in draw_severities(modality, rng))
    assert quality_of([]) == 1.0
    assert quality_of([0.5, 0.5]) == pytest.approx(0.25)


def test_a_ladder_climbs_one_kind_and_an_image_begins_untouched():
    rng = np.random.default_rng(0)
    copies = draw_ladders(("a", "b", "c", "d"), 10, rng)
    assert copies[0] == {}
    for start in (1, 4, 7):
        ladder = copies[start : start + 3]
        climbed = [name for name in ladder[0] if len({one[name] for one in ladder}) > 1]
        assert len(climbed) == 1
        assert len({tuple(one) for one in ladder}) == 1
    assert len({list(copies[start])[-1] for start in (1, 4, 7)}) == 3


def test_fidelity_falls_with_blur_and_is_one_for_the_original():
    one = item("a")
    degraded = [degrade(subject_of(one), {"blur": s}, torch.Generator().manual_seed(0)).numpy() for s in (0.2, 0.8)]
    values = [fidelity_of(one, pixels) for pixels in (one.pixels, *degraded)]
    assert values[0] == pytest.approx(1.0)
    assert values == sorted(values, reverse=True)
