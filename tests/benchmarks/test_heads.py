"""How long heads take. Run with: pytest -m benchmark -s tests/benchmarks/test_heads.py"""

import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from inference.mediqa.heads.closed_form import LANDMARKS, fit_closed_form
from inference.mediqa.heads.gaussian_process import GaussianProcess
from inference.mediqa.heads.kernels import choose_landmarks
from inference.mediqa.predictor import Predictor
from inference.mediqa.types import Features, Prompt, Scale
from tests.mediqa.conftest import random_features

pytestmark = pytest.mark.benchmark

LABELS = 1000
TARGETS = {"fit": 5.0, "one label more": 0.1}


def seconds(work) -> float:
    """Of the processor, one thread: the same on a busy machine."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def made_features(predictor: Predictor, count: int, seed: int = 0) -> list[Features]:
    """Of the shape that the shipped encoder gives."""
    shape = {"tokens": predictor.config.tokens, "channels": predictor.config.token_size}
    return [
        replace(one, embedding=predictor.network.embed(torch.from_numpy(one.tokens).float()).mean(dim=0).numpy())
        for one in random_features(count, seed=seed, **shape)
    ]


def test_heads_for_a_thousand_labels_and_one_label_more() -> None:
    torch.set_num_threads(1)
    predictor = Predictor.load(device="cpu")
    features = made_features(predictor, LABELS + 1)
    prompts = [Prompt("2D", "CT" if row % 2 else "MR") for row in range(LABELS + 1)]
    scores = np.array([one.tokens[..., 0].astype(float).mean() for one in features])
    unit = (scores - scores.min()) / np.ptp(scores)
    scale = {"overall": Scale(0.0, 1.0)}
    warm = made_features(predictor, 20)
    fit_closed_form(warm, {"overall": np.linspace(0, 1, 20)}, scale)  # torch loads its optimisers on first use
    found = []
    whole = seconds(
        lambda: found.append(
            fit_closed_form(
                features[:LABELS],
                {"overall": unit[:LABELS]},
                scale,
                prompts=prompts[:LABELS],
                initial=predictor.prior,
            )
        )
    )
    heads = found[0]
    seen = heads.inputs(features[:LABELS], prompts[:LABELS])
    landmarks = seen.points.pick(choose_landmarks(seen.points, LANDMARKS, np.random.default_rng(0)))
    process = seconds(
        lambda: GaussianProcess.fit(seen.points, seen.trends, unit[:LABELS], landmarks, np.random.default_rng(0))
    )
    more = seconds(lambda: heads.with_label(features[-1], prompts[-1], {"overall": float(unit[-1])}))
    predict = seconds(lambda: heads.predict(features, prompts))
    print(f"\n{'':42} {'CPU s':>8} {'target':>7}")
    print(f"{'process and ensemble, 1,000 labels':42} {whole:8.3f} {TARGETS['fit']:7.1f}")
    print(f"{'process alone, 1,000 labels':42} {process:8.3f}")
    print(f"{'one label more':42} {more:8.4f} {TARGETS['one label more']:7.1f}")
    print(f"{'predict 1,001 images':42} {predict:8.3f}")
