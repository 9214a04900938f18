import numpy as np
import pytest

from inference.mediqa.benchmark.pseudo_experts import (
    ANCHORS,
    PseudoReaders,
    ceiling,
    quality_of,
    reference_metrics,
    viewed,
)
from inference.mediqa.benchmark.simulated import SimulatedSet, groups_of
from inference.mediqa.physics import degrade
from inference.mediqa.simulation.copies import subject_of


def quality(item, severities):
    import torch

    subject = subject_of(item)
    copy = degrade(subject, severities, torch.Generator().manual_seed(0)).numpy()
    return quality_of(reference_metrics(item.pixels, copy, subject.low, subject.high))


def test_the_original_is_worth_four(held_out_slices):
    for item in held_out_slices:
        assert quality(item, {}) == pytest.approx(4.0)


def test_more_severe_is_worth_less(held_out_slices):
    for item in held_out_slices:
        values = [quality(item, {"coding": severity}) for severity in (0.1, 0.4, 0.9)]
        assert values == sorted(values, reverse=True)
        assert 0 <= values[-1] < values[0] < 4


def test_anchors_are_monotone_so_that_one_table_serves_all_modalities():
    for values in ANCHORS.values():
        assert len(values) == 5
        assert len(set(np.sign(np.diff(values)))) == 1


def test_a_large_image_is_seen_averaged_down_and_cut_to_the_window():
    seen = viewed(np.linspace(-2000, 2000, 512 * 512, dtype=np.float32).reshape(512, 512), -1000.0, 400.0)
    assert seen.shape == (256, 256)
    assert (seen.min(), seen.max()) == (0.0, 1.0)


def test_readers_give_whole_numbers_whose_mean_is_the_score():
    rng = np.random.default_rng(0)
    scores = [PseudoReaders().mean_score(value, rng) for value in np.linspace(0, 4, 200)]
    assert all((3 * score) % 1 == pytest.approx(0.0, abs=1e-9) or (3 * score) % 1 > 0.999 for score in scores)
    assert min(scores) >= 0
    assert max(scores) <= 4


def test_noise_and_bias_of_the_readers_lower_the_ceiling():
    qualities = np.linspace(0, 4, 300).tolist()

    def reached(noise: float) -> float:
        readers, rng = PseudoReaders(noise_std=noise), np.random.default_rng(0)
        return ceiling(qualities, [readers.mean_score(value, rng) for value in qualities])

    assert reached(0.0) > 0.98
    assert reached(0.0) > reached(0.5) > reached(1.5)


def test_the_simulated_set_is_deterministic_and_marks_what_the_encoder_has_seen(held_out_slices):
    def samples(seed: int) -> list:
        return list(SimulatedSet(tuple(held_out_slices[:3]), frozenset({"CT_small"}), per_modality=3, seed=seed))

    first, again, other = samples(0), samples(0), samples(1)
    assert [one.score for one in first] == [one.score for one in again]
    assert all((one.image.pixels == same.image.pixels).all() for one, same in zip(first, again, strict=True))
    assert [one.score for one in first] != [one.score for one in other]
    assert {one.split for one in first if one.group == "CT_small"} == {"train"}
    assert {one.split for one in first if one.group != "CT_small"} == {""}
    assert all(one.severities is not None and one.quality is not None for one in first)


def test_sources_that_share_a_patient_are_one_group(held_out_slices):
    from dataclasses import replace

    first, second, third = held_out_slices[:3]
    joined = [replace(first, patient="p"), replace(second, patient="p"), replace(third, patient="")]
    groups = groups_of(joined)
    assert groups[first.source] == groups[second.source] != groups[third.source]
