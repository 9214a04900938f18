"""The pool of degraded copies, and what a step draws from it."""

from dataclasses import replace

import numpy as np
import torch

from inference.mediqa.network.profiles import NetworkConfig
from inference.mediqa.pretraining.batches import Sampler
from inference.mediqa.pretraining.pool import build_pool
from inference.mediqa.types import Prompt
from tests.mediqa.pretraining.slices import item


def test_a_pool_repeats_with_its_seed_and_masks_foreign_kinds():
    config = NetworkConfig(tile=32, window=2, pooled_grid=2)
    first, again = (build_pool([item("a"), item("b", seed=1)], 4, config, seed=0, crops=2) for _ in range(2))
    assert torch.equal(first.tiles, again.tiles)
    assert first.tiles.shape == (len(first), 3, 3, 32, 32)
    assert not (first.severities[~first.is_known] > 0).any()
    assert first.quality.max() == 1.0
    assert first.ladder.tolist() == [-1, 0, 0, 0] * 2


def test_a_pool_on_disk_equals_one_in_memory_and_is_used_again(tmp_path):
    config = NetworkConfig(tile=32, window=2, pooled_grid=2)
    slices = [item("a"), item("b", seed=1), item("c", seed=2)]
    memory = build_pool(slices, 4, config, seed=0, crops=1)
    disk = build_pool(slices, 4, config, seed=0, crops=1, folder=tmp_path / "pool", workers=2)
    assert torch.equal(memory.tiles, disk.tiles)
    assert torch.equal(memory.quality, disk.quality)
    written = (tmp_path / "pool" / "tiles.npy").stat().st_mtime_ns
    build_pool(slices, 4, config, seed=0, crops=1, folder=tmp_path / "pool")
    assert (tmp_path / "pool" / "tiles.npy").stat().st_mtime_ns == written
    build_pool(slices, 4, config, seed=1, crops=1, folder=tmp_path / "pool")
    assert (tmp_path / "pool" / "tiles.npy").stat().st_mtime_ns != written


def test_a_step_sees_ladders_of_the_same_kind_in_two_sources():
    pool = build_pool(
        [item("a"), item("b", seed=1)], 40, NetworkConfig(tile=32, window=2, pooled_grid=2), seed=0, crops=1
    )
    sampler = Sampler(pool)
    rows = sampler.draw(np.random.default_rng(0), 2, 4)
    assert len(rows) == 8
    assert [pool.sources[row] for row in rows] in (["a"] * 4 + ["b"] * 4, ["b"] * 4 + ["a"] * 4)
    for start in (0, 4):
        assert len(set(pool.ladder[rows[start : start + 3]].tolist())) == 1


def test_a_pool_keeps_what_the_screen_showed_where_the_network_does(tmp_path):
    dark = item("us").pixels
    shown = replace(item("us"), prompt=Prompt("2D", "US"), screen=(0.0, 255.0), pixels=60 * dark / dark.max())
    brightest = []
    for keeps in (True, False):
        config = NetworkConfig(tile=32, window=2, pooled_grid=2, keeps_screen=keeps)
        pool = build_pool([shown], 1, config, seed=0, crops=1, folder=tmp_path / "pool")
        brightest.append(float(pool.tiles[0, 0, 0].max()))
    assert brightest[0] < 0.3 < 0.7 < brightest[1]
