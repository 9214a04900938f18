"""The prompt kernel and its Nystroem features: what the closed-form head is linear in. numpy only.

k((x, p), (y, q)) = exp(-|x - y|^2 / (2 length^2)) * prod_f <e_f(p_f), e_f(q_f)>, with for each factor f of the
prompt e_f(word) = (sqrt(1 - r_f), sqrt(r_f) 1_word) and e_f(unknown) = (1, 0): two images of one word are alike
(1), of two words less so (1 - r_f), and "unknown" lies between (sqrt(1 - r_f)). Products of kernels are kernels
(Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, section 4.2.4). Nystroem: Williams and
Seeger, NIPS 2001.

n counts images, m landmarks, D numbers of a point, F factors of the prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inference.mediqa.prompt import prompt_codes
from inference.mediqa.types import DoubleArray, IndexArray, Prompt

FACTORS = 4
UNKNOWN_CODE = 0
JITTER = 1e-6  # of the largest eigenvalue of the landmarks' kernel


@dataclass(frozen=True)
class Points:
    """n images as the kernel sees them: standardised vectors [n, D] and prompt codes [n, F]."""

    vectors: DoubleArray
    codes: IndexArray

    def __len__(self) -> int:
        return len(self.vectors)

    def pick(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Points:
        return Points(self.vectors[rows], self.codes[rows])


@dataclass(frozen=True)
class Standardisation:
    """Brings embeddings to zero mean, unit variance and a mean squared length of 1 in the training images."""

    shift: DoubleArray  # [D]
    gain: DoubleArray  # [D]

    @classmethod
    def fit(cls, embeddings: npt.ArrayLike) -> Standardisation:
        """Fit to [n, D]; a number that never changes counts nothing."""
        values = np.asarray(embeddings, dtype=np.float64)
        deviation = values.std(axis=0)
        is_alive = deviation > 1e-6 * max(float(deviation.max(initial=0.0)), 1e-12)
        gain = np.where(is_alive, 1 / np.where(is_alive, deviation, 1.0), 0.0)
        return cls(values.mean(axis=0), gain / np.sqrt(max(int(is_alive.sum()), 1)))

    def points(self, embeddings: npt.ArrayLike, prompts: Sequence[Prompt]) -> Points:
        """Return the points of n embeddings with their prompts."""
        vectors = (np.asarray(embeddings, dtype=np.float64) - self.shift) * self.gain
        codes = np.array([prompt_codes(prompt) for prompt in prompts], dtype=np.int64).reshape(-1, FACTORS)
        return Points(vectors, codes)


@dataclass(frozen=True)
class PromptKernel:
    """length: of the RBF, in mean lengths of a standardised vector. ratios: r_f of each factor, 0..1."""

    length: float
    ratios: tuple[float, ...]

    def gram(self, first: Points, second: Points) -> DoubleArray:
        """Return [n, m] similarities, 1 for an image with itself."""
        return self.of(squared_distances(first.vectors, second.vectors), first.codes, second.codes)

    def of(self, squared: DoubleArray, first: IndexArray, second: IndexArray) -> DoubleArray:
        """Return the kernel from squared distances [n, m] and codes [n, F], [m, F]."""
        result: DoubleArray = np.exp(squared / (-2 * self.length**2)) * self.alike(first, second)
        return result

    def alike(self, first: IndexArray, second: IndexArray) -> DoubleArray:
        """Return the prompt's part, [n, m] in 0..1."""
        product = np.ones((len(first), len(second)))
        for factor, ratio in enumerate(self.ratios):
            product *= _factor_kernel(first[:, factor], second[:, factor], ratio)
        return product


def _factor_kernel(first: IndexArray, second: IndexArray, ratio: float) -> DoubleArray:
    row, column = first[:, None], second[None, :]
    unknowns = (row == UNKNOWN_CODE).astype(np.int64) + (column == UNKNOWN_CODE)
    known: DoubleArray = np.where(row == column, 1.0, 1.0 - ratio)
    half, full = np.full_like(known, np.sqrt(1.0 - ratio)), np.ones_like(known)
    result: DoubleArray = np.choose(unknowns, [known, half, full])
    return result


@dataclass(frozen=True)
class NystroemMap:
    """Features f(x) = k(x, landmarks) root with f(x) f(y)' close to k(x, y); exact at the landmarks."""

    kernel: PromptKernel
    landmarks: Points
    root: DoubleArray  # [m, m], the inverse square root of the landmarks' kernel

    @classmethod
    def fit(cls, kernel: PromptKernel, landmarks: Points) -> NystroemMap:
        """Decompose the landmarks' kernel; m <= some hundred."""
        values, vectors = np.linalg.eigh(kernel.gram(landmarks, landmarks))
        inverse = 1 / np.sqrt(np.maximum(values, JITTER * values.max()))
        return cls(kernel, landmarks, np.ascontiguousarray(vectors * inverse @ vectors.T))

    def features(self, points: Points) -> DoubleArray:
        """Return [n, m]."""
        result: DoubleArray = self.kernel.gram(points, self.landmarks) @ self.root
        return result


def squared_distances(first: DoubleArray, second: DoubleArray) -> DoubleArray:
    """Return [n, m] squared Euclidean distances, never below 0."""
    squared = (first**2).sum(1)[:, None] - 2 * first @ second.T + (second**2).sum(1)[None]
    result: DoubleArray = np.maximum(squared, 0.0)
    return result


def choose_landmarks(points: Points, count: int, rng: np.random.Generator) -> IndexArray:
    """Return up to ``count`` rows, spread by k-means++ seeding (Arthur and Vassilvitskii, SODA 2007).

    Every distinct prompt counts as far from the others, so that each is represented.
    """
    if len(points) <= count:
        return np.arange(len(points), dtype=np.int64)
    chosen = [int(rng.integers(len(points)))]
    nearest = _apartness(points, chosen[0])
    while len(chosen) < count and nearest.sum() > 0:
        chosen.append(int(rng.choice(len(points), p=nearest / nearest.sum())))
        nearest = np.minimum(nearest, _apartness(points, chosen[-1]))
    return np.array(sorted(set(chosen)), dtype=np.int64)


def _apartness(points: Points, row: int) -> DoubleArray:
    differing = (points.codes != points.codes[row]).mean(axis=1)
    result: DoubleArray = ((points.vectors - points.vectors[row]) ** 2).sum(axis=1) + differing
    return result
