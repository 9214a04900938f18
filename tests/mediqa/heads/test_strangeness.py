import numpy as np
import pytest

from inference.mediqa.heads.strangeness import KEPT, Strangeness

GROUPS = np.repeat(np.arange(40), 6)


def codes(count: int, modality: int = 1) -> np.ndarray:
    return np.tile(np.array([1, modality, 1, 1]), (count, 1))


def images(groups: np.ndarray, seed: int = 0) -> np.ndarray:
    """Images of a group differ much in the first number; groups differ a little in the other three."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 0.3, (groups.max() + 1, 4))
    values = centres[groups] + rng.normal(0, 0.1, (len(groups), 4))
    values[:, 0] += rng.normal(0, 5, len(groups))
    return values


def fitted(values: np.ndarray, groups: np.ndarray = GROUPS) -> Strangeness:
    return Strangeness.fit(values, codes(len(values)), groups, np.random.default_rng(0))


def test_strange_is_what_groups_do_not_differ_in_by_themselves():
    strangeness = fitted(images(GROUPS))
    along, across = np.zeros((1, 4)), np.zeros((1, 4))
    along[0, 0], across[0, 2] = 6.0, 3.0
    assert strangeness.distance(along, codes(1)) < 1.0
    assert strangeness.distance(across, codes(1)) > 2.0


def test_one_in_twenty_of_new_groups_is_at_a_distance_of_one():
    distance = fitted(images(GROUPS)).distance(images(np.repeat(np.arange(200), 6), seed=1), codes(1200))
    assert np.percentile(distance, 95) == pytest.approx(1.0, abs=0.35)


@pytest.mark.parametrize("patients", [20, 50, 200])
@pytest.mark.parametrize("size", [1, 4], ids=["one image a patient", "four"])
def test_few_scores_do_not_make_new_patients_strange(patients, size):
    """An embedding has more numbers than there are scores: what they have not shown is not taken to be impossible."""
    count = patients * size
    mixing = np.random.default_rng(9).normal(0, 1, (12, 100))
    drawn = np.random.default_rng(count).normal(0, 1, (count + 500, 12)) @ mixing
    noise = np.random.default_rng(size).normal(0, 0.5, (count + 500, 100))
    groups = np.arange(count) // size
    strangeness = fitted((drawn + noise)[:count], groups)
    assert (strangeness.distance((drawn + noise)[count:], codes(500)) > 1).mean() < 0.25


def test_another_modality_is_strange_at_once_and_another_region_less():
    values = images(GROUPS)
    strangeness = fitted(values)
    other = strangeness.distance(values, codes(240, modality=2))
    region = strangeness.distance(values, np.tile([1, 1, 2, 1], (240, 1)))
    assert other.min() > 1.5
    assert strangeness.distance(values, codes(240)).max() < region.max() < other.min()


def test_only_the_numbers_that_it_was_fitted_to_count():
    values = images(GROUPS)
    longer = np.hstack([values, np.full((240, 3), 1e6)])
    strangeness = fitted(values)
    np.testing.assert_array_equal(strangeness.distance(longer, codes(240)), strangeness.distance(values, codes(240)))


@pytest.mark.parametrize("groups", [np.arange(30), np.zeros(30, dtype=int)], ids=["each its own", "all one"])
def test_groups_of_one_and_one_group_of_all_give_finite_distances(groups):
    values = images(np.arange(30))
    distance = fitted(values, groups).distance(np.vstack([values, values + 3]), codes(60))
    assert np.isfinite(distance).all()
    assert distance[30:].min() > distance[:30].max()


def test_a_number_that_never_changed_does_not_count():
    values = images(GROUPS)
    values[:, 3] = 7.0
    strangeness = fitted(values)
    other = values + np.array([0, 0, 0, 100.0])
    np.testing.assert_array_equal(strangeness.distance(other, codes(240)), strangeness.distance(values, codes(240)))


def test_of_many_images_only_some_are_kept():
    groups = np.repeat(np.arange(300), 6)
    strangeness = fitted(images(groups), groups)
    assert len(strangeness.kept) == KEPT
    again = Strangeness.from_tensors(strangeness.to_tensors())
    new = images(GROUPS, seed=3)
    np.testing.assert_array_equal(again.distance(new, codes(240)), strangeness.distance(new, codes(240)))
