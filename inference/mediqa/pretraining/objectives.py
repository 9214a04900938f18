"""The tasks of upstream pre-training and their losses. B counts copies in a step, K kinds, P pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from inference.mediqa.network import Judgement, SideJudgement, WholeJudgement
from inference.mediqa.prompt import MODALITY

WEIGHTS: Mapping[str, float] = {
    "quality": 1.0,
    "ranking": 0.3,
    "severity": 6.0,
    "severity_ranking": 0.3,
    "fidelity": 1.0,
    "header": 0.1,
    "prompt": 0.1,
    "contrast": 0.1,
}
WHOLE_TASKS = ("quality", "severity", "fidelity")
MEMORY = 0.02  # of the running means of losses, which are logged
SMALLEST_STEP = 0.04  # of severity that makes one copy worse than another
STEEPNESS = 8.0  # of the pairwise losses
TEMPERATURE = 0.2
SAME_RECIPE = 0.2  # sum of differences of severity under which two copies are degraded alike


class Targets(NamedTuple):
    """What is known of B copies."""

    quality: Tensor  # [B]
    fidelity: Tensor  # [B]
    severities: Tensor  # [B, K]
    is_known: Tensor  # bool [B, K]
    headers: Tensor  # [B, parameters], NaN where absent
    image: Tensor  # [B]
    codes: Tensor  # [B, factors]
    is_hidden: Tensor  # bool [B, factors]: the network was not told

    def to(self, device: torch.device) -> Targets:
        """Return them in a device's memory."""
        return Targets(*(value.to(device) for value in self))


def task_losses(judgement: Judgement, aside: SideJudgement, targets: Targets) -> dict[str, Tensor]:
    """Return the unweighted loss of each task; 0 where a batch holds nothing for it."""
    better = dominance(targets.severities, targets.image)
    return {
        "quality": quality_loss(judgement, targets.quality),
        "ranking": ranking_loss(judgement.quality, better),
        "severity": severity_loss(judgement.severities, targets.severities, targets.is_known),
        "severity_ranking": severity_ranking_loss(judgement.severities, targets.severities, better),
        "fidelity": functional.smooth_l1_loss(aside.fidelity, targets.fidelity, beta=0.1),
        "header": header_loss(aside.headers, targets.headers),
        "prompt": prompt_loss(aside.factors, targets.codes, targets.is_hidden),
        "contrast": contrast_loss(aside.projection, targets.severities, targets.image, targets.codes[:, MODALITY]),
    }


def whole_losses(judgement: WholeJudgement, targets: Targets) -> dict[str, Tensor]:
    """Return the unweighted losses of the tasks that the slice as a whole has by itself (``WHOLE_TASKS``).

    No order of copies is asked for: it is learnt by heart, and told motion and spikes of new sources worse.
    """
    return {
        "quality": 2 * functional.smooth_l1_loss(judgement.quality, targets.quality, beta=0.1),
        "severity": severity_loss(judgement.severities, targets.severities, targets.is_known),
        "fidelity": functional.smooth_l1_loss(judgement.fidelity, targets.fidelity, beta=0.1),
    }


def total_loss(losses: Mapping[str, Tensor]) -> Tensor:
    """Return the weighted sum."""
    return torch.stack([WEIGHTS[name] * value for name, value in losses.items()]).sum()


def running_means(means: Mapping[str, float], losses: Mapping[str, Tensor]) -> dict[str, float]:
    """Return the means of the losses with one more step in them; the first begins them. Waits for the device once."""
    memory = MEMORY if means else 1.0
    values = torch.stack(list(losses.values())).tolist()
    return {
        name: (1 - memory) * means.get(name, 0.0) + memory * value for name, value in zip(losses, values, strict=True)
    }


def dominance(severities: Tensor, image: Tensor) -> Tensor:
    """Return [B, B], 1 where row is surely better than column: the same image, no kind worse, one clearly less."""
    difference = severities[None, :] - severities[:, None]  # [row, column, K], above 0: the column is worse
    is_better = (difference >= -1e-6).all(-1) & (difference > SMALLEST_STEP).any(-1)
    return (is_better & (image[:, None] == image[None, :])).float()


def quality_loss(judgement: Judgement, quality: Tensor) -> Tensor:
    """beta-NLL with beta 0.5 (Seitzer et al., ICLR 2022) and twice a smooth absolute error."""
    squared = (judgement.quality - quality) ** 2
    weight = (0.5 * judgement.log_variance.detach()).exp()
    nll = 0.5 * weight * (squared * (-judgement.log_variance).exp() + judgement.log_variance)
    return nll.mean() + 2 * functional.smooth_l1_loss(judgement.quality, quality, beta=0.1)


def ranking_loss(quality: Tensor, better: Tensor) -> Tensor:
    """Logistic loss of pairs (Burges et al., ICML 2005); ``better`` [B, B] names them."""
    wrong = functional.softplus(-STEEPNESS * (quality[:, None] - quality[None, :]))
    return (wrong * better).sum() / better.sum().clamp(min=1)


def severity_loss(predicted: Tensor, severities: Tensor, is_known: Tensor) -> Tensor:
    """Squared error over the kinds that the modality knows; kinds that were applied count threefold."""
    weight = is_known.float() * (1 + 2 * (severities > 0).float())
    return ((predicted - severities) ** 2 * weight).sum() / weight.sum().clamp(min=1)


def severity_ranking_loss(predicted: Tensor, severities: Tensor, better: Tensor) -> Tensor:
    """Logistic loss of pairs within one image, for each kind in which they differ."""
    more = (severities[None, :] - severities[:, None] > SMALLEST_STEP).float() * better[..., None]
    wrong = functional.softplus(-STEEPNESS * (predicted[None, :] - predicted[:, None]))
    return (wrong * more).sum() / more.sum().clamp(min=1)


def header_loss(predicted: Tensor, headers: Tensor) -> Tensor:
    """Smooth absolute error of the parameters that a header has."""
    is_there = torch.isfinite(headers)
    error = functional.smooth_l1_loss(predicted, torch.nan_to_num(headers), reduction="none")
    return (error * is_there).sum() / is_there.sum().clamp(min=1)


def prompt_loss(logits: Sequence[Tensor], codes: Tensor, is_hidden: Tensor) -> Tensor:
    """Cross-entropy of the factors that were hidden from the network and are known (not word 0)."""
    total = torch.zeros((), device=codes.device)
    is_asked = (is_hidden & (codes > 0)).float()  # a product and no selection: a GPU need not wait for its length
    for index, scores in enumerate(logits):
        losses = functional.cross_entropy(scores.float(), codes[:, index], reduction="none")
        total = total + (losses * is_asked[:, index]).sum()
    return total / is_asked.sum().clamp(min=1)


def contrast_loss(projection: Tensor, severities: Tensor, image: Tensor, modality: Tensor) -> Tensor:
    """Supervised contrast (Khosla et al., NeurIPS 2020): degraded alike and not the same image is alike.

    Positives are copies of another image of the modality whose severities differ by less than ``SAME_RECIPE`` in
    all; so content is left out of the projection.
    """
    distance = torch.cdist(severities.float(), severities.float(), p=1)
    others = image[:, None] != image[None, :]
    positive = (others & (modality[:, None] == modality[None, :]) & (distance < SAME_RECIPE)).float()
    scores = (projection @ projection.T).float() / TEMPERATURE
    itself = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    log_share = scores - torch.logsumexp(scores.masked_fill(itself, -1e4), dim=1, keepdim=True)
    has_positive = positive.sum(1) > 0
    mean = (log_share * positive).sum(1) / positive.sum(1).clamp(min=1)
    return -(mean * has_positive).sum() / has_positive.sum().clamp(min=1)
