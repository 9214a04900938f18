import numpy as np
import pytest

from inference.mediqa.heads.kernels import NystroemMap, Points, PromptKernel, Standardisation, choose_landmarks
from inference.mediqa.types import Prompt

KERNEL = PromptKernel(1.0, (0.1, 0.8, 0.4, 0.4))
PROMPTS = [Prompt("2D", "CT", "chest"), Prompt("2D", "MR", "head"), Prompt(), Prompt("2D", "unknown", "chest")]


def points(count: int, seed: int = 0) -> Points:
    rng = np.random.default_rng(seed)
    return Standardisation.fit(rng.normal(size=(count, 6))).points(
        rng.normal(size=(count, 6)), [PROMPTS[index % len(PROMPTS)] for index in range(count)]
    )


def test_the_prompt_kernel_is_a_kernel_and_an_image_is_like_itself():
    gram = KERNEL.gram(points(60), points(60))
    np.testing.assert_allclose(np.diag(gram), 1.0)
    np.testing.assert_allclose(gram, gram.T)
    assert np.linalg.eigvalsh(gram).min() > -1e-9


def test_unknown_lies_between_the_same_word_and_another():
    ct, mr, unknown = (np.array([[0, code, 0, 0]]) for code in (1, 2, 0))
    same, gentle, other = (KERNEL.alike(ct, one)[0, 0] for one in (ct, unknown, mr))
    assert same == 1.0
    assert gentle == pytest.approx(np.sqrt(1 - 0.8))
    assert other == pytest.approx(1 - 0.8)


def test_nystroem_features_give_the_kernel_exactly_at_the_landmarks():
    landmarks = points(20)
    features = NystroemMap.fit(KERNEL, landmarks).features(landmarks)
    np.testing.assert_allclose(features @ features.T, KERNEL.gram(landmarks, landmarks), atol=1e-6)


def test_landmarks_are_distinct_and_reach_a_rare_modality():
    vectors = np.random.default_rng(0).normal(0, 0.05, size=(400, 6))
    codes = np.zeros((400, 4), dtype=np.int64)
    codes[7, 1] = 5
    chosen = choose_landmarks(Points(vectors, codes), 12, np.random.default_rng(0))
    assert len(set(chosen.tolist())) == 12
    assert 7 in chosen


def test_a_number_that_never_changes_counts_nothing():
    values = np.random.default_rng(0).normal(size=(30, 3))
    values[:, 1] = 4.0
    scaled = Standardisation.fit(values).points(values, [Prompt()] * 30).vectors
    assert (scaled[:, 1] == 0).all()
    assert (scaled**2).sum(axis=1).mean() == pytest.approx(1.0)
