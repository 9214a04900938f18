import pytest
import torch

from inference.mediqa.network import Network, patch_weighted
from inference.mediqa.network.attention import ChannelAttention, WindowAttention
from inference.mediqa.network.grids import grid_of, relative_offsets, shift_mask, windows_of
from inference.mediqa.network.profiles import NetworkConfig

CONFIG = NetworkConfig(tile=64, widths=(4, 8, 8, 16), channels=16, prompt_size=8, heads=2, window=2)


@pytest.fixture
def network() -> Network:
    torch.manual_seed(0)
    return Network(CONFIG).eval()


def batch(count: int = 3):
    tiles = torch.rand(
        count, CONFIG.tiles, CONFIG.views, CONFIG.tile, CONFIG.tile, generator=torch.Generator().manual_seed(1)
    )
    kinds = torch.tensor([0] + [1] * CONFIG.crops)
    return tiles, kinds, torch.ones(count, 4, dtype=torch.long)


def test_shapes(network):
    tokens = network.encode_slices(*batch())
    assert tokens.shape == (3, CONFIG.tokens, CONFIG.token_size)
    judgement = network.judge(tokens, batch()[2])
    assert judgement.quality.shape == (3,)
    assert judgement.severities.shape == (3, len(CONFIG.kinds))
    assert ((judgement.quality > 0) & (judgement.quality < 1)).all()


def test_an_image_is_judged_alone_as_in_a_batch(network):
    tiles, kinds, codes = batch()
    together = network(tiles, kinds, codes).quality
    alone = torch.cat([network(tiles[i : i + 1], kinds, codes[i : i + 1]).quality for i in range(3)])
    torch.testing.assert_close(together, alone)


def test_each_image_has_its_own_prompt(network):
    torch.nn.init.normal_(network.neck.layers[0].norm.modulation.weight)
    tiles, kinds, codes = batch(2)
    tiles = tiles[:1].expand(2, -1, -1, -1, -1)
    codes = torch.tensor([[1, 1, 1, 1], [2, 2, 2, 2]])
    both = network.encode_slices(tiles, kinds, codes)
    assert not torch.allclose(both[0], both[1])
    torch.testing.assert_close(both[1:], network.encode_slices(tiles[:1], kinds, codes[1:]))


def test_the_prompt_starts_as_the_identity(network):
    tiles, kinds, codes = batch(1)
    torch.testing.assert_close(
        network.encode_slices(tiles, kinds, codes), network.encode_slices(tiles, kinds, codes * 0)
    )


def test_channel_attention_keeps_channels_and_places_apart():
    """Permuting the places permutes the result: the published reshape would scramble it."""
    torch.manual_seed(0)
    layer = ChannelAttention(16, 2, 8)
    tokens, prompt = torch.randn(2, 36, 16), torch.randn(2, 8)
    order = torch.randperm(36)
    torch.testing.assert_close(layer(tokens[:, order], prompt), layer(tokens, prompt)[:, order])


def test_windows_and_back():
    grid = torch.randn(2, 8, 8, 3)
    windows = windows_of(grid, 4)
    assert windows.shape == (2, 4, 16, 3)
    torch.testing.assert_close(windows[0, 1].reshape(4, 4, 3), grid[0, :4, 4:])
    torch.testing.assert_close(grid_of(windows, 4, 8), grid)


def test_window_attention_stays_in_its_window():
    torch.manual_seed(0)
    layer = WindowAttention(CONFIG, shift=0)
    tokens, prompt = torch.randn(1, 16, 16), torch.zeros(1, 8)
    changed = tokens.clone()
    changed[0, 0, 0] += 3.0  # place (0, 0) of a 4 x 4 grid with windows of 2 x 2
    moved = (layer(changed, prompt) - layer(tokens, prompt)).abs().sum(-1)[0].reshape(4, 4) > 1e-6
    assert moved[:2, :2].all()
    assert not moved[2:].any()
    assert not moved[:, 2:].any()


def test_shifted_windows_do_not_join_opposite_borders():
    torch.manual_seed(0)
    layer = WindowAttention(CONFIG, shift=1)
    tokens, prompt = torch.randn(1, 16, 16), torch.zeros(1, 8)
    changed = tokens.clone()
    changed[0, 0, 0] += 3.0
    moved = (layer(changed, prompt) - layer(tokens, prompt)).abs().sum(-1)[0].reshape(4, 4) > 1e-6
    assert moved.nonzero().tolist() == [[0, 0]]
    assert torch.isinf(shift_mask(4, 2, 1)).any()
    assert not torch.isinf(shift_mask(4, 2, 0)).any()


def test_relative_offsets_name_each_displacement_once():
    offsets = relative_offsets(2)
    assert offsets.shape == (4, 4)
    assert len(offsets.diag().unique()) == 1
    assert offsets[0, 1] != offsets[1, 0]


def test_patch_weighted_mean_in_closed_form():
    values, weights = torch.tensor([1.0, 3.0]), torch.tensor([3.0, 1.0])
    assert patch_weighted(values, weights) == pytest.approx(1.5)


def test_every_parameter_learns(network):
    network.train()
    tokens = network.encode_slices(*batch())
    judgement, aside = network.judge(tokens, batch()[2]), network.judge_aside(tokens)
    parts = (*judgement, aside.fidelity, aside.headers, *aside.factors, aside.projection)
    sum(part.square().sum() for part in parts).backward()
    without = [name for name, value in network.named_parameters() if value.grad is None]
    assert without == []


def test_words_without_training_images_become_unknown(network):
    network.prompt.forget_unseen(torch.tensor([[0, 1, 0, 2], [1, 1, 3, 2]]))
    modality = network.prompt.factors[1].weight
    torch.testing.assert_close(modality[2], modality[0])
    assert not torch.allclose(modality[1], modality[0])


def test_config_survives_json():
    import json

    assert NetworkConfig.from_document(json.loads(json.dumps(CONFIG.to_document()))) == CONFIG
    with pytest.raises(TypeError):
        NetworkConfig.from_document({"unheard_of": 1})


def test_networks_from_before_screens_were_kept_see_what_they_saw():
    document = CONFIG.to_document()
    document.pop("keeps_screen")
    older = NetworkConfig.from_document(document)
    assert not older.preprocessing.keeps_screen
    assert CONFIG.preprocessing.keeps_screen


def test_a_grid_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="A grid of 4 can't be cut"):
        NetworkConfig(tile=64, window=3)
