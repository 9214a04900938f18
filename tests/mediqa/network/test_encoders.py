import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import BertConfig, CLIPConfig, CLIPModel, Dinov2Config, Dinov2Model

from inference.mediqa.errors import CheckpointError
from inference.mediqa.network import Network
from inference.mediqa.network.encoders import build_encoder
from inference.mediqa.network.encoders.compact import CompactEncoder
from inference.mediqa.network.encoders.external import external_settings, load_weights
from inference.mediqa.network.encoders.filters import AcrossStatistics, separable, with_detail
from inference.mediqa.network.encoders.residual import _asinh
from inference.mediqa.network.encoders.vit import TransformerBlock
from inference.mediqa.network.necks import PublishedStage
from inference.mediqa.network.profiles import PROFILES, NetworkConfig

# Each profile in its own shape, narrow enough for a test.
NARROW = {
    "small": PROFILES["small"],
    "base": replace(
        PROFILES["base"],
        tile=64, widths=(8, 8, 16, 32), channels=32, heads=2, depth=2, window=2, stages=1, pooled_grid=2,
    ),
    "paper": replace(
        PROFILES["paper"], tile=32, widths=(32, 16), channels=16, taps=(1, 2), window=2, pooled_grid=2
    ),
}  # fmt: skip
TINY_DINO = Dinov2Config(
    hidden_size=24, num_hidden_layers=2, num_attention_heads=2, patch_size=14, image_size=56, num_channels=3
)


@pytest.fixture
def dino_folder(tmp_path):
    torch.manual_seed(3)
    Dinov2Model(TINY_DINO).save_pretrained(tmp_path / "dino")
    return tmp_path / "dino"


@pytest.fixture
def external(dino_folder) -> Network:
    settings = external_settings(dino_folder)
    shape = {"tile": 64, "channels": 16, "heads": 2, "window": 2, "pooled_grid": 2}
    network = Network(replace(PROFILES["external"], **shape, external=settings))
    load_weights(network.encoder, dino_folder)
    return network


def encoded(network: Network, count: int = 2, seed: int = 0):
    config = network.config
    tiles = torch.rand(
        count, config.tiles, config.views, config.tile, config.tile, generator=torch.Generator().manual_seed(seed)
    )
    kinds = (torch.arange(config.tiles) > 0).long()
    return network.encode_slices(tiles, kinds, torch.ones(count, 4, dtype=torch.long))


@pytest.mark.parametrize("profile", NARROW)
def test_a_profile_gives_the_tokens_that_its_configuration_names(profile):
    network = Network(NARROW[profile]).eval()
    assert encoded(network).shape == (2, network.config.tokens, network.config.token_size)


@pytest.mark.parametrize("profile", NARROW)
def test_every_parameter_of_a_profile_learns(profile):
    network = Network(NARROW[profile])
    tokens = encoded(network)
    judgement, aside = network.judge(tokens, torch.ones(2, 4, dtype=torch.long)), network.judge_aside(tokens)
    parts = (*judgement, aside.fidelity, aside.headers, *aside.factors, aside.projection)
    sum(part.square().sum() for part in parts).backward()
    assert [name for name, value in network.named_parameters() if value.grad is None] == []


@pytest.mark.parametrize("profile", NARROW)
def test_the_prompt_changes_the_tokens_of_every_profile_once_it_has_learnt(profile):
    network = Network(NARROW[profile]).eval()
    for name, value in network.named_parameters():
        if "modulation" in name:
            torch.nn.init.normal_(value)
    config = network.config
    tiles, kinds = (
        torch.rand(1, config.tiles, config.views, config.tile, config.tile),
        torch.zeros(config.tiles, dtype=torch.long),
    )
    told, untold = (network.encode_slices(tiles, kinds, torch.full((1, 4), code)) for code in (1, 0))
    assert not torch.allclose(told, untold)


def test_the_full_profiles_have_their_published_or_documented_shape():
    paper, base = PROFILES["paper"], PROFILES["base"]
    assert (paper.grid, len(paper.taps) * paper.widths[0], paper.channels, paper.slices) == (28, 3072, 384, 7)
    assert (base.grid, base.tokens) == (14, 196)


def test_the_shipped_profile_is_small_enough_for_a_cpu():
    sizes = {name: value.numel() for name, value in Network().named_parameters()}
    whole = sum(size for name, size in sizes.items() if name.startswith("whole"))
    assert sum(sizes.values()) - whole < 500_000
    assert 0 < whole < 50_000


def test_the_compact_encoder_sees_no_further_than_its_kernels():
    """A change in one corner leaves the opposite corner's token as it was: noise is judged where it is."""
    torch.manual_seed(0)
    encoder = CompactEncoder(NetworkConfig()).eval()
    tiles = torch.rand(1, 2, 128, 128)
    changed = tiles.clone()
    changed[..., :8, :8] += 1
    moved = (encoder(changed) - encoder(tiles)).abs().sum(1)[0] > 1e-6
    assert moved[0, 0]
    assert not moved[-1, -1]


def test_what_lies_beside_is_read_where_it_is_known_and_changes_nothing_else():
    torch.manual_seed(0)
    part = AcrossStatistics(PROFILES["small"])
    alone, between = torch.rand(2, 3, 128, 128), torch.rand(2, 3, 128, 128)
    alone[:, 2] = 0
    assert not part(between).any()  # before it has learnt
    torch.nn.init.normal_(part.mix[-1].weight)
    assert not part(alone).any()
    said = part(torch.cat((alone[:1], between[1:])))
    assert not said[0].any()
    torch.testing.assert_close(said[1], part(between)[1])
    assert said[1].shape == (64, 96)
    assert not torch.allclose(part(between), part(between * torch.tensor([1, 1, 0.1])[:, None, None]))


def test_separable_sums_equal_a_convolution():
    x = torch.rand(2, 2, 9, 7)
    kernel = torch.tensor([1.0, 2.0, 1.0])
    padded = torch.nn.functional.pad(x, (1, 1, 1, 1), mode="replicate")
    weight = torch.outer(kernel, kernel).expand(2, 1, 3, 3)
    torch.testing.assert_close(separable(x, 2.0), torch.nn.functional.conv2d(padded, weight, groups=2))


def test_detail_is_what_a_blur_takes_away():
    flat = torch.full((1, 2, 16, 16), 0.4)
    assert with_detail(flat)[:, 2:].abs().max() < 1e-5
    flat[..., 8, 8] += 0.01  # a quarter of it is left by the blur; the rest is amplified, nearly linearly
    assert with_detail(flat)[0, 2, 8, 8] == pytest.approx(8 * 0.01 * 0.75, rel=0.05)


def test_a_transformer_block_does_not_mind_the_order_of_tokens():
    torch.manual_seed(0)
    block = TransformerBlock(64)
    tokens, order = torch.randn(2, 9, 64), torch.randperm(9)
    torch.testing.assert_close(block(tokens[:, order]), block(tokens)[:, order])


def test_the_published_stage_adds_the_prompt_after_each_of_its_layers():
    torch.manual_seed(0)
    stage = PublishedStage(NARROW["paper"], 64, 32)
    for layer in (*stage.mix, *(attention.out for attention in stage.channels)):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    tokens, prompt = torch.randn(2, 16, 64), torch.randn(2, NARROW["paper"].prompt_size)
    expected = stage.reduce(tokens) + 2 * stage.prompt(prompt)[:, None]
    torch.testing.assert_close(stage(tokens, prompt), expected)


def test_a_foreign_encoder_is_kept_as_it_came(external, dino_folder):
    theirs = Dinov2Model.from_pretrained(dino_folder).state_dict()
    external.train()
    encoded(external).sum().backward()
    assert all(value.grad is None for value in external.encoder.model.parameters())
    assert all(torch.equal(value, theirs[name]) for name, value in external.encoder.model.state_dict().items())
    assert external.encoder.projection.weight.grad is not None


def test_a_foreign_encoder_travels_in_the_checkpoint(external):
    external.eval()
    again = Network(NetworkConfig.from_document(json.loads(json.dumps(external.config.to_document())))).eval()
    again.load_state_dict(external.state_dict())
    np.testing.assert_array_equal(encoded(again).detach(), encoded(external).detach())


def test_of_a_model_of_pictures_and_words_the_part_that_sees_is_taken(tmp_path):
    seeing = {"hidden_size": 24, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}
    reading = seeing | {"vocab_size": 16, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    seeing |= {"image_size": 64, "patch_size": 16}
    clip = CLIPModel(CLIPConfig(vision_config=seeing, text_config=reading, projection_dim=8)).eval()
    clip.save_pretrained(tmp_path)
    shape = {"tile": 64, "channels": 16, "heads": 2, "window": 2, "pooled_grid": 2}
    network = Network(replace(PROFILES["external"], **shape, external=external_settings(tmp_path)))
    load_weights(network.encoder, tmp_path)
    pictures = torch.rand(1, 3, 64, 64)
    expected = clip.vision_model(pixel_values=pictures).last_hidden_state
    torch.testing.assert_close(network.encoder.model(pixel_values=pictures).last_hidden_state, expected)


def test_a_model_that_sees_nothing_is_refused(tmp_path):
    BertConfig().save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="no vision transformer"):
        external_settings(tmp_path)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="holds no model"):
        external_settings(tmp_path)


def test_a_folder_with_other_weights_is_refused(external, tmp_path):
    Dinov2Model(Dinov2Config(**TINY_DINO.to_dict() | {"hidden_size": 48})).save_pretrained(tmp_path / "other")
    with pytest.raises(CheckpointError, match="can't be read"):
        load_weights(external.encoder, tmp_path / "other")


def test_the_inverse_hyperbolic_sine_is_that_of_torch():
    x = torch.linspace(-20, 20, 401)
    torch.testing.assert_close(_asinh(x), torch.asinh(x))


def test_an_unknown_encoder_is_refused():
    with pytest.raises(ValueError, match="compact, residual, hybrid, paper, external"):
        build_encoder(NetworkConfig(encoder="unheard_of"))
