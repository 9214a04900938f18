"""Training of the expert for slices as a whole."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from inference.mediqa.metrics import plcc
from inference.mediqa.network import Network, tile_kinds
from inference.mediqa.network.profiles import PROFILES, NetworkConfig
from inference.mediqa.pretraining import whole
from inference.mediqa.pretraining.augmentation import with_variants
from inference.mediqa.pretraining.log import read_log
from inference.mediqa.pretraining.objectives import WHOLE_TASKS
from inference.mediqa.pretraining.pool import build_pool
from inference.mediqa.pretraining.whole import NOISE, PULL, pool_statistics, shares_of, train_whole
from inference.mediqa.prompt import VOCABULARY
from inference.mediqa.simulation.sources import SourceSlice
from inference.mediqa.types import Prompt
from tests.mediqa.conftest import phantom

SHAPE = NetworkConfig(tile=64, window=2, pooled_grid=2)


def slices(*seeds: int) -> list[SourceSlice]:
    return [
        SourceSlice(f"s{seed}", f"s{seed}", "", phantom(1, side=96, seed=seed)[0], Prompt("2D", "MR"), False, 1.0)  # noqa: FBT003
        for seed in seeds
    ]


def trained(pool, steps, **kwargs) -> Network:
    torch.manual_seed(0)
    network = Network(SHAPE)
    silent = {"report": lambda line: None} | kwargs
    train_whole(network, pool, steps=steps, learning_rate=3e-3, factor_dropout=0.1, seed=0, **silent)
    return network


@pytest.fixture(scope="module")
def pool():
    return build_pool(slices(0, 1, 2, 3), 25, SHAPE, seed=0, crops=3)


def test_it_learns_to_tell_faults_of_images_that_it_has_not_seen(pool):
    network, new = trained(pool, 200), build_pool(slices(4, 5), 40, SHAPE, seed=1, crops=3)
    with torch.no_grad():
        told = network.whole_of(network.encode_slices(new.tiles.float(), tile_kinds(4), new.codes))
        said = network.judge_whole(told)
    by_kind = dict(zip(SHAPE.kinds, zip(said.severities.T.numpy(), new.severities.T.numpy(), strict=True), strict=True))
    for kind in ("blur", "coding"):
        assert plcc(*by_kind[kind]) > 0.6, kind
    assert plcc(said.quality.numpy(), new.quality.numpy()) > 0.5


def test_it_is_the_same_by_the_same_seed_and_leaves_the_patches_alone(pool, tmp_path):
    first, second = trained(pool, 3), trained(pool, 3, log=tmp_path / "whole.csv")
    torch.manual_seed(0)
    untrained = Network(SHAPE).state_dict()
    for name, value in first.state_dict().items():
        torch.testing.assert_close(second.state_dict()[name], value, rtol=0, atol=0)
        if not name.startswith("whole"):
            torch.testing.assert_close(untrained[name], value, rtol=0, atol=0)
    assert not first.whole.training
    measured = pool_statistics(first, pool, np.arange(len(pool)), torch.device("cpu"), lambda line: None)
    torch.testing.assert_close(first.whole.norm.running_mean, measured.mean(0))
    torch.testing.assert_close(first.whole.norm.running_var, measured.var(0))
    assert set(read_log(tmp_path / "whole.csv")[0]) == {"step", "learning_rate", "seconds", *WHOLE_TASKS}


def test_while_it_learns_statistics_are_off_by_as_much_of_their_spread(pool, monkeypatch):
    seen, usual = [], whole._losses
    monkeypatch.setattr(
        whole, "_losses", lambda network, noisy, known: seen.append(noisy) or usual(network, noisy, known)
    )
    drawn, choose = [], whole.targets_of
    monkeypatch.setattr(whole, "targets_of", lambda pool, rows, *rest: drawn.append(rows) or choose(pool, rows, *rest))
    network = trained(pool, 3)
    measured = pool_statistics(network, pool, np.arange(len(pool)), torch.device("cpu"), lambda line: None)
    spread = measured.std(0)
    off = torch.cat([one - measured[torch.from_numpy(rows)] for one, rows in zip(seen, drawn, strict=True)])
    varies = spread > 1e-3
    assert (off.std(0)[varies] / spread[varies]).median() == pytest.approx(NOISE, rel=0.05)
    assert not torch.equal(off[: len(seen[0])], off[len(seen[0]) : 2 * len(seen[0])])


def test_what_is_measured_of_a_pool_is_what_the_network_sees(pool):
    network = Network(SHAPE)
    part = network.whole
    rows = np.arange(1, len(pool))
    measured = pool_statistics(network, pool, rows, torch.device("cpu"), lambda line: None)
    assert measured.shape == (len(rows), part.first.in_features)
    tiles = pool.tiles[rows[-1], :, :2].float()
    expected = part.statistics(tiles, tile_kinds(4) == 0, network.textures(tiles))
    torch.testing.assert_close(expected[0], measured[-1])
    part.norm.fit(measured)
    spread = part.norm(measured).std(0)
    assert np.isfinite(spread.numpy()).all()
    assert ((spread - 1).abs() < 0.05).float().mean() > 0.9  # but for what is the same in all copies


def test_variants_are_measured_by_nobody_and_more_sources_count_for_more():
    varied = build_pool(with_variants(slices(0, 1, 2), 4, seed=0), 4, SHAPE, seed=0, crops=3)
    plain = build_pool(slices(0, 1, 2), 4, SHAPE, seed=0, crops=3)
    assert varied.is_variant.sum() == 16
    first, second = trained(varied, 3), trained(plain, 3)
    torch.testing.assert_close(first.whole.state_dict(), second.whole.state_dict())
    mr, us = (VOCABULARY["modality"].index(name) for name in ("MR", "US"))
    assert first.whole.shares[[mr, us, 0]].tolist() == pytest.approx([3 / (3 + PULL)] * 3)
    two = build_pool(
        slices(0, 1) + [replace(one, prompt=Prompt("2D", "US")) for one in slices(2)], 4, SHAPE, seed=0, crops=3
    )
    shares = shares_of(two, np.arange(len(two)), len(VOCABULARY["modality"]))
    assert shares[[mr, us, 0]].tolist() == pytest.approx([2 / (2 + PULL), 1 / (1 + PULL), 3 / (3 + PULL)])


def test_a_network_without_it_says_so(pool):
    network = Network(PROFILES["paper"])
    with pytest.raises(ValueError, match="no part that looks at slices as a whole"):
        train_whole(network, pool, steps=1, learning_rate=1e-3, factor_dropout=0.0, seed=0, report=print)
