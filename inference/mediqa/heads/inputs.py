"""What the closed form looks at: embedding, prompt and the prior's opinion of each image.

n counts images, D numbers of an embedding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from inference.mediqa.heads.kernels import Points, Standardisation
from inference.mediqa.heads.token_heads import HeadEnsemble
from inference.mediqa.prompt import VOCABULARY
from inference.mediqa.types import DoubleArray, Features, Prompt

DIRECTIONS = 64
UNIT_MARGIN = 0.02  # opinions at the ends of the prior's scale keep a finite logit
LARGEST_OPINION = 3.0  # in standard deviations of the training images: a trend is not followed for ever


class Inputs(NamedTuple):
    """n images as both parts see them."""

    points: Points
    trends: DoubleArray  # [n, 1] the prior's opinion, or [n, 0] without a prior
    vectors: DoubleArray  # [n, I] for the ensemble


@dataclass(frozen=True)
class InputMap:
    """From features to inputs.

    directions: [D, P], the principal ones, which are all that the ensemble sees of an embedding. opinion: centre and
    spread of the prior's logits in the training images.
    """

    standardisation: Standardisation
    directions: DoubleArray
    vocabulary: tuple[int, ...]
    prior: HeadEnsemble | None
    opinion: tuple[float, float] = (0.0, 1.0)

    @classmethod
    def fit(cls, features: Sequence[Features], prior: HeadEnsemble | None) -> InputMap:
        """Fit to the training images."""
        embeddings = np.stack([one.embedding for one in features])
        standardisation = Standardisation.fit(embeddings)
        vectors = standardisation.points(embeddings, [Prompt()] * len(features)).vectors
        directions = np.linalg.svd(vectors, full_matrices=False)[2][:DIRECTIONS].T
        sizes = tuple(len(words) for words in VOCABULARY.values())
        plain = cls(standardisation, np.ascontiguousarray(directions), sizes, prior)
        if prior is None:
            return plain
        logits = plain._opinions(features)
        return replace(plain, opinion=(float(logits.mean()), max(float(logits.std()), 1e-3)))

    def __call__(self, features: Sequence[Features], prompts: Sequence[Prompt] | None) -> Inputs:
        """Return the inputs; without prompts they are unknown. Raises ValueError for lengths that differ."""
        points = self.points(features, prompts)
        trends = self._trends(features)
        scaled = points.vectors @ self.directions * math.sqrt(self.directions.shape[1])
        return Inputs(points, trends, np.hstack([scaled, self._words(points), trends]))

    def points(self, features: Sequence[Features], prompts: Sequence[Prompt] | None) -> Points:
        """Return the points alone; a word that was added to the vocabulary since is unknown."""
        known = [Prompt()] * len(features) if prompts is None else prompts
        if len(known) != len(features):
            raise ValueError(f"{len(known)} prompts for {len(features)} images.")
        points = self.standardisation.points(np.stack([one.embedding for one in features]), known)
        return Points(points.vectors, np.where(points.codes < np.array(self.vocabulary), points.codes, 0))

    def _trends(self, features: Sequence[Features]) -> DoubleArray:
        if self.prior is None:
            return np.zeros((len(features), 0))
        standard = (self._opinions(features) - self.opinion[0]) / self.opinion[1]
        return np.clip(standard, -LARGEST_OPINION, LARGEST_OPINION)[:, None]

    def _opinions(self, features: Sequence[Features]) -> DoubleArray:
        """Return the logit of the prior's quality, [n]."""
        if self.prior is None:
            raise ValueError("There is no prior.")
        criterion = self.prior.criteria[0]
        scale = self.prior.scales[criterion]
        unit = (self.prior.predict(features)[criterion].mean - scale.minimum) / scale.span
        unit = np.clip(unit, UNIT_MARGIN, 1 - UNIT_MARGIN)
        result: DoubleArray = np.log(unit / (1 - unit))
        return result

    def _words(self, points: Points) -> DoubleArray:
        """Return one number for each word of each factor, [n, words]."""
        factors = zip(self.vocabulary, points.codes.T, strict=True)
        return np.hstack([np.eye(size)[codes] for size, codes in factors])
