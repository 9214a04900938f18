import numpy as np
import pytest

from inference.mediqa.physics.generic import with_blur
from inference.mediqa.slices import salience, salient_slices

from .conftest import phantom


def test_one_spoilt_slice_among_many_is_picked():
    pixels = phantom(60, side=96)
    pixels[41] += np.random.default_rng(1).normal(0, 25, size=pixels[41].shape)
    scores = salience(pixels)
    assert int(np.argmax(scores)) == 41
    assert 41 in salient_slices(scores, 5)


def test_spoilt_slices_are_picked_however_near_they_lie():
    pixels = phantom(120, side=64)
    rng = np.random.default_rng(1)
    for index in (50, 52, 57):
        pixels[index] += rng.normal(0, 25, size=pixels[index].shape)
    scores = salience(pixels)
    assert {50, 52, 57} <= set(salient_slices(scores, 5).tolist())
    assert set(np.flatnonzero(scores > 1).tolist()) == {50, 52, 57}


@pytest.mark.parametrize("length", [2, 3])
def test_spoilt_slices_beside_each_other_do_not_hide_each_other(length):
    pixels = phantom(80, side=64)
    spoilt = list(range(30, 30 + length))
    for index in spoilt:
        pixels[index] += np.random.default_rng(index).normal(0, 25, size=pixels[index].shape)
    scores = salience(pixels)
    assert set(np.flatnonzero(scores > 1).tolist()) == set(spoilt)
    assert set(spoilt) <= set(salient_slices(scores, 5).tolist())


@pytest.mark.parametrize("slices", [2, 3, 4, 5])
def test_short_series_have_no_outliers_by_their_ends(slices):
    assert salience(phantom(slices, side=64)).max() <= 1.0


def test_where_anatomy_begins_and_ends_no_slice_stands_out():
    pixels = phantom(60, side=96)
    pixels[:15] *= 0.2
    pixels[45:] *= 0.2
    assert salience(pixels).max() <= 1.0


def test_one_blurred_slice_among_many_is_picked():
    import torch

    pixels = phantom(40, side=96)
    pixels[7] = with_blur(torch.from_numpy(pixels[7]), 2.0).numpy()
    assert 7 in salient_slices(salience(pixels), 5)


def test_empty_slices_at_the_ends_count_little():
    pixels = phantom(20, side=64)
    pixels[:4] = 0.0
    scores = salience(pixels)
    assert scores[:3].max() < scores[8:].min()


@pytest.mark.parametrize(("slices", "count", "expected"), [(1, 5, 1), (3, 5, 3), (5, 5, 5), (6, 5, 5), (200, 5, 5)])
def test_picks_are_distinct_ascending_and_as_many_as_asked(slices, count, expected):
    picks = salient_slices(np.random.default_rng(0).random(slices).astype(np.float32), count)
    assert len(picks) == expected == len(set(picks.tolist()))
    assert picks.tolist() == sorted(picks.tolist())


def test_picks_keep_a_distance():
    picks = salient_slices(np.linspace(0, 1, 100).astype(np.float32), 5)
    assert np.diff(picks).min() > 100 // 10


def test_constant_volume_has_finite_salience():
    assert np.isfinite(salience(np.full((6, 20, 20), 3.0, dtype=np.float32))).all()
