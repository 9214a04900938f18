"""The registry: every kind grows with its severity, repeats with its seed and has a name with a unit."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from inference.mediqa.physics import (
    BY_NAME,
    DEGRADATIONS,
    KINDS,
    Subject,
    degrade,
    degrade_stack,
    kinds_for,
    physical_parameters,
)

from .shapes import seeded, textured

UNITS = (
    "_mm", "_px", "_deg", "_db", "_stops", "_share", "_per_cm", "_px_of_256", "_of_peak", "_dose", "_counts",
    "_averages", "_count", "_factor", "_gain", "_to_primary", "_quality",
)  # fmt: skip


def subject(kind: str) -> Subject:
    modalities = BY_NAME[kind].modalities or {name for name in ("US", "OP") if BY_NAME[kind].fits(name)}
    modality = sorted(modalities)[0]
    pixels = textured() - (1000 if modality == "CT" else 0)
    return Subject(
        pixels,
        modality,
        spacing_mm=3.0,
        low=float(pixels.min()),
        high=float(pixels.max()),
        neighbours=torch.stack([pixels.roll(4, 0), pixels.roll(9, 1), pixels.roll(-8, 1)]),
        offsets_mm=torch.tensor([-4.0, 4.0, 8.0]),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_monotonic_in_severity_and_repeatable(kind):
    item = subject(kind)

    def degraded(severity: float) -> torch.Tensor:
        return degrade(item, {kind: severity}, seeded(4))

    errors = [float((degraded(severity) - item.pixels).norm()) for severity in (0.0, 0.3, 0.6, 1.0)]
    slack = 0.9 if kind == "wrap" else 1.0  # beyond a fold the error is no measure
    assert all(slack * before <= after for before, after in pairwise(errors))
    assert errors[0] == 0.0
    assert torch.equal(degraded(0.5), degraded(0.5))


@pytest.mark.parametrize("kind", KINDS)
def test_shape_and_finite_values_are_kept(kind):
    item = subject(kind)
    result = degrade(item, {kind: 0.8}, seeded())
    assert result.shape == item.pixels.shape
    assert torch.isfinite(result).all()


@pytest.mark.gpu
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_runs_on_a_gpu(kind):
    here = subject(kind)
    there = replace(
        here,
        pixels=here.pixels.cuda(),
        neighbours=here.neighbours.cuda(),
        offsets_mm=here.offsets_mm.cuda(),
    )
    draws, others = (torch.Generator("cuda").manual_seed(seed) for seed in (0, 1))
    for result in degrade_stack([there, there.beside(0)], {kind: 0.8}, draws, others):
        assert result.device.type == "cuda"
        assert torch.isfinite(result).all()


def test_parameters_are_named_with_their_unit_and_named_once_in_a_modality():
    for modality in ("CT", "MR", "XR", "MG", "US", "PT", "NM", "OP", "unknown"):
        names = [kind.parameter_name for kind in DEGRADATIONS if kind.fits(modality)]
        assert len(names) == len(set(names))
        assert len(names) >= 3
    assert all(kind.parameter_name.endswith(UNITS) for kind in DEGRADATIONS)
    assert len(KINDS) == len(set(KINDS)) >= 30


def test_several_kinds_are_applied_in_the_order_of_acquisition():
    item = subject("dose")
    both = degrade(item, {"coding": 0.7, "dose": 0.5}, seeded(1))
    noisy = degrade(item, {"dose": 0.5}, seeded(1))
    again = degrade(Subject(noisy, "CT", low=item.low, high=item.high), {"coding": 0.7}, seeded(1))
    torch.testing.assert_close(both, again)


@pytest.mark.parametrize("kind", ["thickness", "dose", "metal", "motion", "bias_field"])
def test_a_slice_between_others_is_degraded_as_it_would_be_alone(kind):
    item = subject(kind)
    stack = degrade_stack([item, item.beside(0), item.beside(1)], {kind: 0.7}, seeded(3), seeded(4))
    assert torch.equal(stack[0], degrade(item, {kind: 0.7}, seeded(3)))
    assert [one.shape for one in stack] == [item.pixels.shape] * 3


def test_what_lies_in_the_body_is_the_same_in_all_slices_and_noise_is_not():
    flat = Subject(torch.full((64, 64), 100.0), "MR", high=200.0)
    for kind, is_alike in (("bias_field", True), ("rician", False)):
        first, second = degrade_stack([flat, flat], {kind: 0.6}, seeded(3), seeded(4))
        assert torch.equal(first, second) is is_alike


def test_thicker_slices_differ_less_from_those_beside_them():
    item = subject("thickness")

    def difference(severity: float) -> float:
        own, before, after = degrade_stack(
            [item, item.beside(0), item.beside(1)], {"thickness": severity}, seeded(), seeded()
        )
        return float((own - (before + after) / 2).square().mean())

    assert difference(0.0) > difference(0.6) > difference(1.0)


def test_a_neighbour_knows_where_the_others_lie():
    item = subject("thickness")
    beside = item.beside(1)
    assert torch.equal(beside.pixels, item.neighbours[1])
    assert beside.offsets_mm.tolist() == [-4.0, -8.0, 4.0]
    assert torch.equal(beside.neighbours[0], item.pixels)
    with pytest.raises(ValueError, match="no neighbours"):
        Subject(torch.zeros(32, 32), "CT").beside(0)


def test_a_kind_that_the_modality_does_not_know_is_refused():
    with pytest.raises(ValueError, match="rician does not exist in CT"):
        degrade(Subject(torch.zeros(32, 32), "CT"), {"rician": 0.5}, seeded())
    with pytest.raises(KeyError):
        degrade(Subject(torch.zeros(32, 32), "CT"), {"unheard_of": 0.5}, seeded())


def test_a_thicker_slice_needs_neighbours():
    alone = Subject(torch.zeros(32, 32), "CT")
    assert "thickness" not in kinds_for(alone)
    assert "thickness" in kinds_for(subject("thickness"))
    with pytest.raises(ValueError, match="neighbours"):
        degrade(alone, {"thickness": 0.5}, seeded())


def test_severities_read_as_physical_parameters():
    named = physical_parameters(dict.fromkeys(KINDS, 0.0), "CT")
    assert named["relative_dose"] == 1.0
    assert named["view_share"] == 1.0
    assert "kspace_share" not in named
    assert physical_parameters({"dose": 1.0}, "CT")["relative_dose"] == pytest.approx(0.02, rel=0.01)
    assert physical_parameters({"undersampling": 0.5}, "MR") == {"kspace_share": pytest.approx(0.575)}
