"""Full fine-tuning of the encoder on scores, as a baseline: what can be had if nothing is frozen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from inference.mediqa.network import Network, tile_kinds
from inference.mediqa.prompt import prompt_codes
from inference.mediqa.types import DoubleArray, HalfArray, Prompt

BATCH = 16
ENCODER_RATE, HEAD_RATE = 1e-4, 2e-3
WEIGHT_DECAY = 1e-2
CROPS = 2  # of each image in one step of training, beside the whole view


@dataclass(frozen=True)
class FineTune:
    """A network of its own with a linear head on the embedding."""

    network: Network
    head: nn.Linear

    @classmethod
    def fit(
        cls,
        start: Callable[[], Network],
        tiles: Sequence[HalfArray],
        prompts: Sequence[Prompt],
        unit: DoubleArray,
        *,
        epochs: int,
        seed: int,
    ) -> FineTune:
        """Train on [n] images with scores 0..1: AdamW, squared error, cosine; images turned at random.

        start: gives a network that may be changed. Raises ValueError where no tiles were kept.
        """
        if len(tiles) != len(unit):
            raise ValueError("Fine-tuning needs the tiles of every image.")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            tuned = cls._start(start())
            tuned._train(tiles, prompts, torch.from_numpy(unit).float(), epochs)
        return tuned

    @classmethod
    def _start(cls, network: Network) -> FineTune:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network = network.requires_grad_(requires_grad=True).to(device)
        head = nn.Linear(network.config.embedding_size, 1).to(device)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        return cls(network, head)

    def _train(self, tiles: Sequence[HalfArray], prompts: Sequence[Prompt], unit: Tensor, epochs: int) -> None:
        rates = [
            {"params": self.network.parameters(), "lr": ENCODER_RATE},
            {"params": self.head.parameters(), "lr": HEAD_RATE},
        ]
        optimizer = torch.optim.AdamW(rates, weight_decay=WEIGHT_DECAY)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * -(-len(unit) // BATCH))
        unit = unit.to(self.head.weight.device)
        self.network.train()
        for _ in range(epochs):
            for index in _batches(len(unit)):
                loss = (
                    (self._scores([tiles[i] for i in index], [prompts[i] for i in index]) - unit[index]) ** 2
                ).mean()
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()
        self.network.eval()

    def predict(self, tiles: Sequence[HalfArray], prompts: Sequence[Prompt]) -> DoubleArray:
        """Return scores 0..1, [n]."""
        with torch.inference_mode():
            parts = [
                self._scores(tiles[start : start + BATCH], prompts[start : start + BATCH])
                for start in range(0, len(tiles), BATCH)
            ]
        result: DoubleArray = torch.cat(parts).double().cpu().numpy()
        return result

    def _scores(self, tiles: Sequence[HalfArray], prompts: Sequence[Prompt]) -> Tensor:
        device = self.head.weight.device
        batch = torch.from_numpy(np.stack(tiles)).float().to(device)  # [b, T, V, S, S]
        if self.network.training:
            crops = 1 + torch.randperm(batch.shape[1] - 1)[:CROPS]
            batch = batch[:, [0, *crops.tolist()]]
            flips = [axis for axis in (-1, -2) if torch.rand(()) < 0.5]
            batch = batch.flip(flips) if flips else batch
        kinds = tile_kinds(batch.shape[1]).to(device)
        codes = torch.tensor([prompt_codes(prompt) for prompt in prompts], device=device)
        tokens = self.network.encode_slices(batch, kinds, codes)
        result: Tensor = torch.sigmoid(self.head(self.network.embed(tokens))).squeeze(-1)
        return result


def _batches(count: int) -> list[list[int]]:
    """Shuffled batches; one of a single image, which batch statistics can't take, is left out."""
    order: list[int] = torch.randperm(count).tolist()
    return [order[start : start + BATCH] for start in range(0, count, BATCH) if count - start > 1]
