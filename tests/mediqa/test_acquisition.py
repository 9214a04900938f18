import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.mediqa.acquisition import select_batch


@pytest.fixture
def clusters():
    """Five clusters of forty images, the first one by far the most uncertain."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 6, size=(5, 8))
    embeddings = np.concatenate([centre + rng.normal(0, 0.5, size=(40, 8)) for centre in centres])
    std = np.concatenate([rng.uniform(0.9, 1.0, 40), rng.uniform(0.5, 0.7, 160)])
    return embeddings.astype(np.float32), std, np.repeat(np.arange(5), 40)


def test_a_batch_is_not_the_top_of_the_uncertainties(clusters):
    embeddings, std, owner = clusters
    read = embeddings[::50]
    picks = select_batch(embeddings, std, size=15, seed=0, random_share=0.0, read_embeddings=read)
    top = set(np.argsort(-std)[:15].tolist())
    assert {owner[index] for index in top} == {0}
    assert len({owner[pick.index] for pick in picks}) == 5


def test_uncertain_images_are_wanted_more_than_certain_ones(clusters):
    embeddings, _, _ = clusters
    rng = np.random.default_rng(1)
    std = rng.uniform(0.01, 1.0, len(embeddings))
    picks = select_batch(embeddings, std, size=30, seed=0, random_share=0.0, read_embeddings=embeddings[:5])
    assert std[[pick.index for pick in picks]].mean() > std.mean() + 0.1


def test_what_was_read_is_not_asked_again(clusters):
    embeddings, _, owner = clusters
    read = embeddings[owner == 0]
    pool = np.concatenate([embeddings[owner == 0] + 0.01, embeddings[owner != 0]])
    picks = select_batch(pool, np.ones(len(pool)), size=8, seed=0, random_share=0.0, read_embeddings=read)
    assert all(pick.index >= 40 for pick in picks)


def test_cold_start_takes_one_of_each_cluster(clusters):
    embeddings, _, owner = clusters
    picks = select_batch(embeddings, None, size=5, seed=0, random_share=0.0)
    assert {owner[pick.index] for pick in picks} == set(range(5))
    assert {pick.purpose for pick in picks} == {"cold_start"}


def test_without_read_images_it_is_a_cold_start(clusters):
    embeddings, std, _ = clusters
    picks = select_batch(embeddings, std, size=10, seed=0, read_embeddings=np.empty((0, 8)))
    assert {pick.purpose for pick in picks} == {"cold_start", "random"}


def test_the_random_share_is_kept_and_spread(clusters):
    embeddings, std, _ = clusters
    picks = select_batch(embeddings, std, size=40, seed=0, random_share=0.2, read_embeddings=embeddings[:3])
    places = [place for place, pick in enumerate(picks) if pick.purpose == "random"]
    assert len(places) == 8
    assert sum(place < 20 for place in places) == 4


def test_random_picks_do_not_depend_on_the_model(clusters):
    embeddings, std, _ = clusters

    def drawn(deviation):
        picks = select_batch(embeddings, deviation, size=40, seed=5, read_embeddings=embeddings[:3])
        return [pick.index for pick in picks if pick.purpose == "random"]

    assert drawn(std) == drawn(std[::-1])


def test_every_pick_says_why(clusters):
    embeddings, std, _ = clusters
    for read in (None, embeddings[:3]):
        for pick in select_batch(embeddings, std, size=20, seed=0, read_embeddings=read):
            assert pick.reason
            assert all(isinstance(value, (int, float, str)) for value in pick.reason.values())


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(0, 30), size=st.integers(0, 40), share=st.floats(0, 1), seed=st.integers(0, 99),
    read=st.integers(0, 4), is_same=st.booleans(),
)  # fmt: skip
def test_picks_are_distinct_complete_and_repeatable(count, size, share, seed, read, is_same):
    rng = np.random.default_rng(seed)
    embeddings = np.ones((count, 3)) if is_same else rng.normal(size=(count, 3))
    std = rng.random(count)
    seen = rng.normal(size=(read, 3))
    picks = select_batch(embeddings, std, size=size, seed=seed, random_share=share, read_embeddings=seen)
    assert len({pick.index for pick in picks}) == len(picks) == min(size, count)
    assert picks == select_batch(embeddings, std, size=size, seed=seed, random_share=share, read_embeddings=seen)


def test_no_uncertainty_at_all_still_gives_a_batch(clusters):
    embeddings, _, _ = clusters
    picks = select_batch(embeddings, np.zeros(200), size=10, seed=0, read_embeddings=embeddings[:2])
    assert len(picks) == 10


@pytest.mark.parametrize(
    ("embeddings", "std", "more"),
    [
        (np.ones(3), None, {}),
        (np.full((3, 2), np.nan), None, {}),
        (np.ones((3, 2)), np.ones(2), {}),
        (np.ones((3, 2)), -np.ones(3), {}),
        (np.ones((3, 2)), np.array([1, np.inf, 1]), {}),
        (np.ones((3, 2)), None, {"size": -1}),
        (np.ones((3, 2)), None, {"random_share": 1.5}),
    ],
)
def test_what_does_not_fit_is_refused(embeddings, std, more):
    with pytest.raises(ValueError, match=r"embeddings|std|size"):
        select_batch(embeddings, std, **({"size": 2, "seed": 0} | more))
