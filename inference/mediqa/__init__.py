"""MedIQA: image quality of medical images, with a stated uncertainty. torch and numpy; never Django.

Names are resolved on first use, so that importing ``types``, ``prompt``, ``metrics`` or ``acquisition``
does not load torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inference.mediqa.checkpoint import CheckpointFiles as CheckpointFiles
    from inference.mediqa.errors import CheckpointError as CheckpointError
    from inference.mediqa.errors import ConstantScore as ConstantScore
    from inference.mediqa.errors import FittingCancelled as FittingCancelled
    from inference.mediqa.errors import FittingError as FittingError
    from inference.mediqa.errors import MediqaError as MediqaError
    from inference.mediqa.errors import TooFewScores as TooFewScores
    from inference.mediqa.errors import UnreadableFile as UnreadableFile
    from inference.mediqa.errors import UnscorableImage as UnscorableImage
    from inference.mediqa.heads.finetuning import fit_heads as fit_heads
    from inference.mediqa.heads.fitting import FitConfig as FitConfig
    from inference.mediqa.heads.token_heads import HeadEnsemble as HeadEnsemble
    from inference.mediqa.predictor import Predictor as Predictor
    from inference.mediqa.prompt import prompt_from_header as prompt_from_header
    from inference.mediqa.types import CriterionScore as CriterionScore
    from inference.mediqa.types import Features as Features
    from inference.mediqa.types import ImageArray as ImageArray
    from inference.mediqa.types import PreparedImage as PreparedImage
    from inference.mediqa.types import Prompt as Prompt
    from inference.mediqa.types import Scale as Scale
    from inference.mediqa.types import Scored as Scored

_HOMES = {
    "CheckpointFiles": "checkpoint",
    "CheckpointError": "errors",
    "ConstantScore": "errors",
    "FittingCancelled": "errors",
    "FittingError": "errors",
    "MediqaError": "errors",
    "TooFewScores": "errors",
    "UnreadableFile": "errors",
    "UnscorableImage": "errors",
    "FitConfig": "heads.fitting",
    "fit_heads": "heads.finetuning",
    "HeadEnsemble": "heads.token_heads",
    "Predictor": "predictor",
    "prompt_from_header": "prompt",
    "CriterionScore": "types",
    "Features": "types",
    "ImageArray": "types",
    "PreparedImage": "types",
    "Prompt": "types",
    "Scale": "types",
    "Scored": "types",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
