"""The last resort of the automatic prompt: what the network itself takes an image for, where nobody says it."""

from __future__ import annotations

import torch
from torch import Tensor

from inference.mediqa.network.network import Network, summary

SURE = 0.9  # probability from which a word is believed; below it the factor stays unknown


def classify(network: Network, tokens: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
    """Fill the unknown factors of one image: tokens [K, N, C] of its slices, codes [factors] -> (codes, confidence).

    confidence: [factors], 1 for what was told, the probability for what was found, 0 for what stays unknown.
    """
    told = codes > 0
    if not len(network.factors):  # the first generation has no classifier
        return codes, told.float()
    seen = summary(network.patches_of(tokens))
    words, chances = zip(*(_best(head(seen)) for head in network.factors), strict=True)
    found, confidence = torch.stack(words), torch.stack(chances)
    is_found = ~told & (confidence >= SURE)
    return torch.where(is_found, found, codes), torch.where(told, 1.0, torch.where(is_found, confidence, 0.0))


def _best(logits: Tensor) -> tuple[Tensor, Tensor]:
    """[K, words] -> the likeliest word over all slices and its probability; "unknown" is none."""
    chances = torch.softmax(logits.float()[:, 1:], dim=-1).mean(0)
    chance, word = chances.max(0)
    return word + 1, chance
