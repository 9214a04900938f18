"""Tiny made-up sets; nothing here needs Django."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from inference.mediqa.benchmark.features import MEASURED
from inference.mediqa.benchmark.material import PRETRAINED, RANDOM, Material
from inference.mediqa.types import Prompt
from tests.mediqa.conftest import random_features


def write_picture(path: Path, seed: int = 0, side: int = 64) -> None:
    """A picture with structure and noise, by its suffix PNG, JPEG or TIFF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    waves = 120 + 60 * np.sin(np.arange(side) / (4 + seed % 5))[None, :] * np.ones((side, 1))
    noisy = np.clip(waves + rng.normal(0, 2 + 3 * (seed % 7), (side, side)), 0, 255)
    PillowImage.fromarray(noisy.astype(np.uint8)).save(path)


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def made_material(count: int = 60, seed: int = 0) -> Material:
    """Images of two modalities whose score is the hidden number of their features, with a trace in the measures."""
    features = random_features(count, seed=seed)
    hidden = np.array([one.tokens[..., 0].astype(float).mean() for one in features])
    measured = np.random.default_rng(seed).normal(size=(count, MEASURED))
    measured[:, 0] = hidden
    modalities = ["CT" if row % 2 else "MR" for row in range(count)]
    return Material(
        names=tuple(f"image {row}" for row in range(count)),
        groups=tuple(f"patient {row // 3}" for row in range(count)),
        split=("",) * count,
        prompts=tuple(Prompt("2D", modality) for modality in modalities),
        target=np.clip(2 + hidden, 0, 4),
        measured=measured,
        snr=hidden + np.random.default_rng(1).normal(0, 0.5, count),
        features={PRETRAINED: features, RANDOM: random_features(count, seed=seed + 1)},
    )


@pytest.fixture
def material() -> Material:
    return made_material()
