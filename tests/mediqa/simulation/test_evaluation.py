"""What a model is judged by on sources that it never saw."""

from dataclasses import replace

import numpy as np

from inference.mediqa.simulation.evaluation import evaluate_predictor, parameter_correlations
from inference.mediqa.simulation.sources import SourceSlice
from inference.mediqa.types import Prompt
from tests.mediqa.conftest import phantom


def alone(seed: int) -> SourceSlice:
    return SourceSlice(
        "a", str(seed), "", phantom(1, side=64, seed=seed)[0], Prompt("3D", "MR"), is_inverted=False, spacing_mm=1.0
    )


def test_kinds_that_need_neighbours_are_judged_on_the_slices_that_have_some(predictor):
    """One slice of thirty has neighbours; an even spread of twelve would pass it by."""
    slices = [alone(seed) for seed in range(30)]
    stack = phantom(2, side=64, seed=99)
    slices[4] = replace(slices[4], neighbours=stack, offsets_mm=np.array([-3.0, 3.0], dtype=np.float32))
    found = parameter_correlations(predictor, slices)["MR"]
    assert np.isfinite(found["thickness"])
    assert len(found) > 8


def test_without_any_neighbours_thickness_is_not_judged(predictor):
    assert "thickness" not in parameter_correlations(predictor, [alone(0)])["MR"]


def test_what_was_evaluated_is_not_called_held_out_which_nobody_knows(predictor):
    first, *_ = evaluate_predictor(predictor, [alone(0), alone(1)], copies=4).lines()
    assert first == "images evaluated: 2 slices, 8 copies"
