"""A training that goes on from a checkpoint."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from inference.mediqa import Predictor
from inference.mediqa.errors import CheckpointError
from inference.mediqa.network import Network
from inference.mediqa.network.profiles import PROFILES, NetworkConfig
from inference.mediqa.pretraining.patches import settle_normalisation, train_patches
from inference.mediqa.pretraining.pool import build_pool
from inference.mediqa.pretraining.settings import PretrainingConfig
from inference.mediqa.pretraining.start import Start
from inference.mediqa.pretraining.training import pretrain
from inference.mediqa.pretraining.whole import train_whole
from inference.mediqa.simulation.copies import made, subject_of
from inference.mediqa.simulation.sources import SourceSlice
from inference.mediqa.types import Prompt
from tests.mediqa.conftest import phantom

SHAPE = NetworkConfig(tile=32, window=2, pooled_grid=2)
BEFORE = replace(SHAPE, looks_across=False, whole_size=0)


def between(source: str, seed: int) -> SourceSlice:
    """A slice with one on either side, 4 mm away."""
    stack = phantom(3, side=64, seed=seed)
    return SourceSlice(
        source, source, "", stack[1], Prompt("3D", "MR"), is_inverted=False, spacing_mm=1.0,
        neighbours=stack[[0, 2]], offsets_mm=np.array([-4.0, 4.0], dtype=np.float32),
    )  # fmt: skip


@pytest.fixture
def checkpoint(tmp_path, predictor):
    """A checkpoint from before networks looked across slices and at whole views."""
    torch.manual_seed(0)
    older = Predictor(Network(BEFORE), predictor.prior, predictor.ood, device="cpu")
    older.training = {
        "sources": ["b", "c"],
        "development": ["d"],
        "command": "earlier",
        "steps": 7,
        "evaluation": {"long": 1},
    }
    older.save(tmp_path / "older.safetensors")
    return tmp_path / "older.safetensors"


def test_a_network_that_goes_on_sees_single_slices_as_before(checkpoint):
    before, start = Predictor.load(checkpoint, device="cpu").network, Start.of_checkpoint(checkpoint, SHAPE)
    network = start.network.eval()
    torch.nn.init.normal_(network.neck.across.mix[-1].weight)
    tiles = torch.rand(2, SHAPE.tiles, 3, 32, 32)
    tiles[:, :, 2] = 0
    arguments = torch.zeros(SHAPE.tiles, dtype=torch.long), torch.zeros(2, 4, dtype=torch.long)
    expected = before.encode_slices(tiles[:, :, :2], *arguments)
    patches = network.patches_of(network.encode_slices(tiles, *arguments))
    torch.testing.assert_close(patches, expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(network.judge_patches(patches), before.judge(expected, arguments[1]), rtol=0, atol=1e-5)
    tiles[:, :, 2] = torch.rand(2, SHAPE.tiles, 32, 32)
    assert not torch.allclose(network.patches_of(network.encode_slices(tiles, *arguments)), expected)


def test_the_account_of_a_training_names_the_one_it_went_on_from(checkpoint):
    start = Start.of_checkpoint(checkpoint, SHAPE)
    told = start.told_in({"sources": ["a", "b"], "development": ["e"], "steps": 2})
    assert told["development"] == ["d", "e"]
    assert told["sources"] == ["a", "b", "c"]
    assert (told["steps"], told["started_from"]["steps"]) == (2, 7)
    assert told["started_from"]["sha256"] == Predictor.load(checkpoint).sha256
    assert "evaluation" not in told["started_from"]


def test_what_a_checkpoint_has_seen_is_not_held_out_from_it(checkpoint):
    start = Start.of_checkpoint(checkpoint, SHAPE)
    start.check_held_out({"a", "x"})
    for seen in ("b", "d"):
        with pytest.raises(ValueError, match=f"has seen {seen}"):
            start.check_held_out({"a", seen})


@pytest.mark.parametrize("config", [PROFILES["small"], replace(BEFORE, kinds=("dose",)), replace(SHAPE, stages=2)])
def test_a_checkpoint_of_another_shape_is_refused(checkpoint, config):
    with pytest.raises(CheckpointError, match="train without --start"):
        Start.of_checkpoint(checkpoint, config)


def test_only_the_named_parts_learn(checkpoint):
    network = Start.of_checkpoint(checkpoint, SHAPE, ("neck.across", "severities")).network
    before = {name: value.clone() for name, value in network.state_dict().items()}
    pool = build_pool([between("a", 0), between("b", 1)], 4, SHAPE, seed=0, crops=2)
    assert pool.tiles[:, :, 2].any()
    config = PretrainingConfig(steps=2, images_per_step=2, learns=("neck.across", "severities"))
    train_patches(network, pool, config, lambda line: None)
    settle_normalisation(network, pool, config, torch.device("cpu"))
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert {name.split(".")[0] for name in changed} == {"neck", "severities"}
    assert {name for name in changed if name.startswith("neck")} >= {"neck.across.mix.2.weight"}
    assert all(name.startswith(config.learns) for name in changed)
    assert not network.training


@pytest.mark.parametrize(
    ("learns", "changing"), [(("whole",), {"whole", "whole_reading"}), (("severities",), {"severities"})]
)
def test_a_training_goes_on_with_the_named_experts_alone(checkpoint, learns, changing, monkeypatch):
    monkeypatch.setattr("inference.mediqa.pretraining.patches.NORMALISATION_STEPS", 2)
    network = Start.of_checkpoint(checkpoint, replace(SHAPE, looks_across=False)).network
    assert network.config.whole_size
    before = {name: value.clone() for name, value in network.state_dict().items()}
    config = PretrainingConfig(
        steps=2, images_per_step=2, generated=0, copies=4, volumes=20, factor_dropout=0.0, learns=learns
    )
    pretrain([between("a", 0), between("b", 1)], [], config, network=network)
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    forgotten = {"prompt"}  # words that no image had
    assert {name.split(".")[0] for name in changed} - forgotten == changing


def test_nothing_is_settled_where_no_patch_learns(checkpoint, monkeypatch):
    network = Start.of_checkpoint(checkpoint, replace(SHAPE, looks_across=False), ("whole",)).network
    monkeypatch.setattr(network, "encode_slices", None)  # would fail if it were asked
    pool = build_pool([between("a", 0)], 4, network.config, seed=0, crops=2)
    settle_normalisation(network, pool, PretrainingConfig(learns=("whole",)), torch.device("cpu"))
    assert not network.training


@pytest.mark.parametrize(
    ("learns", "across", "whole"),
    [
        ((), True, True),
        (("whole",), False, True),
        (("neck.across", "severities"), True, False),
        (("neck",), True, False),
        (("severities",), False, False),
    ],
)
def test_a_new_part_that_does_not_learn_is_left_out(checkpoint, learns, across, whole):
    config = Start.of_checkpoint(checkpoint, SHAPE, learns).network.config
    assert (config.looks_across, config.whole_size > 0) == (across, whole)


def test_only_what_looks_at_whole_views_can_learn(checkpoint):
    network = Start.of_checkpoint(checkpoint, SHAPE, ("whole",)).network
    assert network.config.whole_size
    before = {name: value.clone() for name, value in network.state_dict().items()}
    pool = build_pool([between("a", 0), between("b", 1)], 4, network.config, seed=0, crops=2)
    train_whole(network, pool, steps=3, learning_rate=0.01, factor_dropout=0.1, seed=0, report=lambda line: None)
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert {name.split(".")[0] for name in changed} == {"whole", "whole_reading"}
    assert {"whole.norm.running_mean", "whole.first.weight", "whole_reading.bias"} <= changed


def test_a_part_that_is_not_there_is_named(checkpoint):
    pool = build_pool([between("a", 0)], 4, SHAPE, seed=0, crops=2)
    config = PretrainingConfig(steps=1, learns=("necks",))
    with pytest.raises(ValueError, match="no part 'necks'"):
        train_patches(Network(SHAPE), pool, config, lambda line: None)


def test_a_copy_lies_between_the_nearest_slices_on_either_side():
    item = between("a", 0)
    far = replace(
        item,
        neighbours=np.concatenate((item.neighbours, item.neighbours + 50)),
        offsets_mm=np.array([-4.0, 4.0, -8.0, 8.0], dtype=np.float32),
    )
    (copy,) = made(subject_of(far), [{}], np.random.default_rng(0))
    assert (copy.place, copy.gap_mm) == (1, 4.0)
    np.testing.assert_array_equal(copy.stack, np.stack((item.neighbours[0], item.pixels, item.neighbours[1])))
    one_sided = replace(item, neighbours=item.neighbours[1:], offsets_mm=item.offsets_mm[1:])
    (copy,) = made(subject_of(one_sided), [{}], np.random.default_rng(0))
    assert (copy.place, len(copy.stack)) == (0, 2)
    (copy,) = made(subject_of(replace(item, neighbours=None, offsets_mm=None)), [{}], np.random.default_rng(0))
    assert (copy.place, len(copy.stack), copy.gap_mm) == (0, 1, None)


@pytest.mark.parametrize("part", ["necks", "wholes", "whole.second"])
def test_a_training_of_a_part_that_is_not_there_makes_no_copies(checkpoint, monkeypatch, part):
    monkeypatch.setattr("inference.mediqa.pretraining.training.build_pool", None)  # would fail if it were asked
    config = PretrainingConfig(steps=1, generated=0, learns=(part,))
    with pytest.raises(ValueError, match=f"no part '{part}'"):
        pretrain([between("a", 0)], [], config, network=Start.of_checkpoint(checkpoint, SHAPE).network)
