"""What MedIQA refuses. Messages never hold identifiers of patients, studies or files of a hospital."""

from __future__ import annotations


class MediqaError(Exception):
    """Base of everything that this package raises on purpose."""


class UnscorableImage(MediqaError):
    """An image from which no honest score can be computed.

    ``reason`` is one of ``empty``, ``wrong_shape``, ``too_small``, ``too_large``, ``constant``,
    ``not_finite``; ``detail`` is a sentence for people.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class UnreadableFile(MediqaError):
    """A file from which no image can be taken; the message is a sentence without its name."""


class CheckpointError(MediqaError):
    """A checkpoint is missing, truncated, altered or made for another version."""


class FittingError(MediqaError):
    """A fine-tuning that can't be started or finished."""


class CriterionRefused(FittingError):
    """The scores of one Criterion can't be learnt from; ``criterion`` and ``count`` say which and how many."""

    def __init__(self, criterion: str, count: int, detail: str) -> None:
        super().__init__(detail)
        self.criterion = criterion
        self.count = count


class TooFewScores(CriterionRefused):
    """Fewer scored images than ``FitConfig.minimum_scores``."""


class ConstantScore(CriterionRefused):
    """Every image has the same score: there is nothing to learn."""


class FittingCancelled(FittingError):
    """``should_stop`` said so."""
