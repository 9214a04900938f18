"""Training of the experts for patches, and what it can be taken up from."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from inference.mediqa.errors import CheckpointError
from inference.mediqa.network import Network
from inference.mediqa.network.profiles import PROFILES, NetworkConfig
from inference.mediqa.pretraining.distributed import Group
from inference.mediqa.pretraining.log import TrainingLog, curves_svg, read_log
from inference.mediqa.pretraining.patches import near, settle_normalisation, train_patches
from inference.mediqa.pretraining.pool import build_pool
from inference.mediqa.pretraining.settings import Places, PretrainingConfig
from inference.mediqa.pretraining.state import TrainingState
from tests.mediqa.pretraining.slices import item

SHAPE = {"tile": 32, "window": 2, "pooled_grid": 2}


@pytest.mark.gpu
def test_a_training_on_a_gpu_keeps_the_copies_there_and_learns():
    group = Group(device=torch.device("cuda"))
    config = NetworkConfig(tile=32, window=2, pooled_grid=2)
    pool = build_pool([item("a"), item("b", seed=1)], 7, config, seed=0, crops=2)
    assert near(pool, group.device).tiles.is_cuda
    network = Network(config)
    before = network.quality[0].weight.detach().clone()
    train_patches(network, pool, PretrainingConfig(steps=3, images_per_step=2), lambda line: None, group=group)
    after = network.quality[0].weight.detach().cpu()
    assert torch.isfinite(after).all()
    assert not torch.equal(after, before)


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path):
    """Two steps at once, or one, the state, and another: the same weights and the same log."""
    slices = [item("a"), item("b", seed=1)]

    def trained(work: Path, stop_after: int | None) -> Network:
        torch.manual_seed(0)
        network = Network()
        pool = build_pool(slices, 4, network.config, seed=0, crops=1)
        config = PretrainingConfig(steps=2, images_per_step=2, generated=0)
        places = Places(state=work / "state", log=work / "log.csv", save_every_seconds=0, log_every_steps=1)
        if stop_after is not None:
            with pytest.raises(KeyboardInterrupt):
                train_patches(network, pool, config, interrupt_at(stop_after, work), places=places)
            torch.manual_seed(1)
            network = Network()
        train_patches(network, pool, config, lambda line: None, places=places)
        return network

    def interrupt_at(step: int, work: Path):
        def report(line: str) -> None:
            raise KeyboardInterrupt

        return report

    whole = trained(tmp_path / "whole", None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("inference.mediqa.pretraining.patches.REPORT_EVERY", 1)
        resumed = trained(tmp_path / "parts", 1)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, rtol=0, atol=0)
    assert [row["step"] for row in read_log(tmp_path / "parts" / "log.csv")] == [1, 2]


def test_processes_that_take_a_training_up_draw_copies_of_their_own(tmp_path, monkeypatch):
    """The state is written by the first; the draws of the others must not become its own."""
    pool = build_pool([item("a"), item("b", seed=1)], 4, NetworkConfig(**SHAPE), seed=0, crops=1)
    drawn: dict[int, float] = {}

    def take_step(state, sampler, pool, config, group) -> float:
        drawn[group.rank] = state.rng.random()
        state.step += 1
        return 0.0

    monkeypatch.setattr("inference.mediqa.pretraining.patches._take_step", take_step)
    places, config = Places(state=tmp_path / "state"), PretrainingConfig(steps=1, images_per_step=2)
    train_patches(Network(NetworkConfig(**SHAPE)), pool, config, lambda line: None, places=places)
    left = (tmp_path / "state").read_bytes()
    for rank in (0, 1, 2):
        (tmp_path / "state").write_bytes(left)
        network, group = Network(NetworkConfig(**SHAPE)), Group(rank=rank)
        train_patches(network, pool, replace(config, steps=2), print, places=places, group=group)
    assert len(set(drawn.values())) == 3


def test_normalisation_is_settled_alike_by_the_same_seed_and_not_where_there_is_none(monkeypatch):
    shape = {"tile": 32, "window": 2, "pooled_grid": 2}
    pool = build_pool([item("a"), item("b", seed=1)], 4, NetworkConfig(**shape), seed=0, crops=1)
    monkeypatch.setattr("inference.mediqa.pretraining.patches.NORMALISATION_STEPS", 3)
    config, cpu = PretrainingConfig(images_per_step=2), torch.device("cpu")

    def settled(seed: int) -> torch.Tensor:
        torch.manual_seed(0)
        network = Network(NetworkConfig(**shape))
        settle_normalisation(network, pool, replace(config, seed=seed), cpu)
        assert not network.training
        return network.encoder.layers[0][1].running_mean

    assert torch.equal(settled(0), settled(0))
    assert not torch.equal(settled(0), settled(1))
    paper = Network(replace(PROFILES["paper"], **shape, patch=16, widths=(16, 8), channels=8, taps=(0,)))
    monkeypatch.setattr(paper, "encode_slices", None)  # would fail if it were asked
    settle_normalisation(paper, pool, config, cpu)
    assert not paper.training


def test_the_state_of_another_training_is_refused(tmp_path):
    network = Network(NetworkConfig(tile=64, widths=(4, 8, 8, 16), channels=16, prompt_size=8, heads=2, window=2))
    state = TrainingState(network, torch.optim.AdamW(network.parameters()), np.random.default_rng(0))
    state.save(tmp_path / "state", {"seed": 0})
    with pytest.raises(CheckpointError, match="another training"):
        state.restore(tmp_path / "state", {"seed": 1})
    (tmp_path / "state").write_bytes(b"rubbish")
    with pytest.raises(CheckpointError, match="can't be read"):
        state.restore(tmp_path / "state", {"seed": 0})


def test_curves_are_drawn_for_every_loss(tmp_path):
    log = TrainingLog(tmp_path / "log.csv", ["quality", "severity"])
    for step in (1, 2, 3):
        log.add(step, 1e-3, 2.0 * step, {"quality": 1 / step, "severity": 0.5})
    picture = curves_svg(read_log(tmp_path / "log.csv"))
    root = ElementTree.fromstring(picture)
    assert len(root.findall("{http://www.w3.org/2000/svg}polyline")) == 3
    assert "quality: 1 to 0.333 in 3 steps" in picture
