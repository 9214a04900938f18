import numpy as np
import pytest

from inference.mediqa.heads.ordinal import level_probabilities, rectified_moments
from inference.mediqa.types import Scale

SCALE = Scale(0.0, 4.0)


@pytest.mark.parametrize(("mean", "std"), [(2.0, 0.5), (0.2, 0.5), (3.9, 1.0), (-1.0, 1.5), (7.0, 3.0)])
def test_moments_are_those_of_a_normal_value_cut_to_the_scale(mean, std):
    drawn = np.clip(np.random.default_rng(0).normal(mean, std, 200_000), 0.0, 4.0)
    found = rectified_moments([mean], [std], SCALE)
    assert found[0][0] == pytest.approx(drawn.mean(), abs=0.01)
    assert found[1][0] == pytest.approx(drawn.std(), abs=0.01)


def test_far_outside_the_scale_its_end_is_said_without_doubt():
    mean, std = rectified_moments([-30.0, 30.0], [0.1, 0.1], SCALE)
    assert mean.tolist() == [0.0, 4.0]
    assert std.tolist() == [0.0, 0.0]


def test_the_bounded_mean_keeps_the_order():
    mean, _ = rectified_moments(np.linspace(-2, 6, 50), np.full(50, 0.7), SCALE)
    assert (np.diff(mean) > 0).all()


def test_probabilities_of_levels_sum_to_one_and_peak_where_the_mean_rounds():
    found = level_probabilities([0.1, 2.2, 9.0], [0.6, 0.4, 1.0], [0, 1, 2, 3, 4])
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    assert found.argmax(axis=1).tolist() == [0, 2, 4]


def test_levels_must_ascend():
    with pytest.raises(ValueError, match="ascend"):
        level_probabilities([1.0], [1.0], [0, 2, 1])
