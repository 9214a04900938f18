"""What views of whole slices are told: each statistic against what it is for."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from inference.mediqa.network import Network, tile_kinds
from inference.mediqa.network.encoders.filters import TEXTURES, textures
from inference.mediqa.network.profiles import NetworkConfig
from inference.mediqa.network.whole import (
    FLOOR,
    RINGS,
    SHIFTS,
    FieldStatistics,
    Spectrum,
    SpectrumStatistics,
    Standardised,
    TextureQuantiles,
    WholeStatistics,
)

SIDE = 64
SHAPE = NetworkConfig(tile=64, window=2, pooled_grid=2)


@pytest.fixture
def body():
    """A disc with two organs in the middle of dark air: [SIDE, SIDE] in 0..1."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, SIDE), torch.linspace(-1, 1, SIDE), indexing="ij")
    view = 0.6 * (torch.hypot(x, y) < 0.45).float() + 0.3 * (torch.hypot(x - 0.15, y + 0.1) < 0.15).float()
    return view + 0.004 * torch.rand(SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def of_spectrum(view):
    """The parts of the statistics of a spectrum, by name."""
    spectrum = Spectrum(SIDE)
    part = SpectrumStatistics(spectrum)
    values = part(spectrum(view[None]))[0]
    names, sizes = ("bands", "peaks", "spread", "sectors", "rows", "columns"), (64, len(RINGS), len(RINGS), 9, 18, 18)
    return dict(zip(names, values.split(sizes), strict=True))


def of_field(view):
    values = FieldStatistics(SIDE)(view[None])[0]
    sizes = (4 * len(SHIFTS), 10, 6, 5)
    return dict(zip(("ghosts", "borders", "shading", "levels"), values.split(sizes), strict=True))


def test_the_spectrum_is_that_of_the_fast_transform():
    view = torch.rand(SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    power = np.abs(np.fft.fftshift(np.fft.rfft2(view.double().numpy() - float(view.mean())), axes=0)) ** 2
    expected = np.log10(power / power.sum() + FLOOR)
    np.testing.assert_allclose(Spectrum(SIDE)(view[None])[0].numpy(), expected, atol=2e-4)


def test_brighter_or_with_more_contrast_the_spectrum_is_the_same(body):
    torch.testing.assert_close(of_spectrum(0.2 + 0.7 * body)["bands"], of_spectrum(body)["bands"], rtol=0, atol=2e-3)


def test_blur_takes_the_high_bands_and_leaves_the_low_ones(body):
    blurred = functional.avg_pool2d(functional.pad(body[None, None], (2, 2, 2, 2), mode="replicate"), 5, 1)[0, 0]
    change = (of_spectrum(blurred)["bands"] - of_spectrum(body)["bands"]).unflatten(0, (8, 8))
    assert abs(float(change[1, 1])) < 0.1
    assert float(change[6, 1]) < -0.5
    assert float(change[1, 6]) < -0.5


def test_a_point_of_k_space_that_is_hit_stands_out_of_its_ring_alone(body):
    kspace = torch.fft.fft2(body)
    kspace[[18, -18], [10, -10]] += 0.1 * kspace[0, 0].abs()  # 0.56 and 0.31 of the highest frequency
    before, after = of_spectrum(body)["peaks"], of_spectrum(torch.fft.ifft2(kspace).real)["peaks"]
    assert float((after - before)[3]) > 1.0
    assert (after - before).abs()[:3].max() < 0.5


def test_lines_that_were_left_out_are_rough_along_one_axis(body):
    kspace = torch.fft.fft2(body)
    kspace[9:-8:3] = 0  # rows of k-space, beyond the middle
    undersampled = torch.fft.ifft2(kspace).abs()
    before, after = of_spectrum(body), of_spectrum(undersampled)
    assert float((after["rows"] - before["rows"]).mean()) > 0.2
    assert float((after["rows"] - before["rows"]).mean()) > 3 * float((after["columns"] - before["columns"]).mean())
    turned = of_spectrum(undersampled.T)
    torch.testing.assert_close(turned["columns"].sum(), after["rows"].sum(), rtol=0.1, atol=0)


def test_missing_views_leave_an_empty_sector():
    noise = torch.rand(SIDE, SIDE, generator=torch.Generator().manual_seed(2))
    kspace = torch.fft.fftshift(torch.fft.fft2(noise))
    rows, columns = torch.meshgrid(torch.arange(SIDE) - SIDE // 2, torch.arange(SIDE) - SIDE // 2, indexing="ij")
    kspace[(torch.atan2(columns, rows) % torch.pi - 0.6).abs() < 0.3] = 0
    lowest = lambda view: of_spectrum(view)["sectors"][3:6]  # noqa: E731
    assert (lowest(torch.fft.ifft2(torch.fft.ifftshift(kspace)).real) > 5 * lowest(noise)).all()


@pytest.mark.parametrize(("axis", "place"), [(0, 0), (1, 4)])
def test_a_ghost_half_a_field_away_is_seen_in_the_dark(body, axis, place):
    ghosted = body + 0.1 * torch.roll(body, SIDE // 2, axis)
    before, after = of_field(body)["ghosts"], of_field(ghosted)["ghosts"]
    assert float(before[place]) < 0.1
    assert float(after[place]) > 0.4
    assert float(after[place]) > float(after[place + 1]) + 0.2  # a half of the field away, not a quarter
    assert float((after - before)[4 - place]) < 0.2  # not along the other axis


def test_a_body_that_leaves_the_field_shows_at_the_borders(body):
    wrapped = torch.roll(body, SIDE // 2, 0)
    assert float(of_field(body)["borders"][:4].max()) < 0.05
    assert (of_field(wrapped)["borders"][[0, 2]] > 0.2).all()  # above and below
    assert float(of_field(wrapped)["borders"][8]) > 0.9  # and are alike


def test_sensitivity_that_falls_off_is_a_drift(body):
    fall = torch.linspace(1.0, 0.3, SIDE)
    before, after = of_field(body)["shading"], of_field(body * fall[:, None])["shading"]
    assert abs(float(before[0])) < 0.2
    assert float(after[0]) < -0.7
    assert abs(float(after[1])) < 0.3
    assert float(after[4]) > 2 * float(before[4])


@pytest.mark.parametrize("value", [0.0, 0.5, 1.25])
def test_an_image_of_one_value_has_statistics_too(value):
    part = WholeStatistics(SHAPE).eval()
    tiles = torch.full((2, 2, SIDE, SIDE), value)
    assert torch.isfinite(part.statistics(tiles, torch.ones(2).bool(), textures(tiles, SHAPE.patch))).all()


@pytest.mark.parametrize("tile", [32, 224])
def test_small_and_large_tiles_have_as_many_statistics(tile):
    config = NetworkConfig(tile=tile, window=2, pooled_grid=2)
    is_whole = torch.tensor([True, False, True, False])
    tiles = torch.rand(4, 2, tile, tile)
    measured = WholeStatistics(config).statistics(tiles, is_whole, textures(tiles, config.patch))
    assert measured.shape == (2, 148 + 2 * 80)


def of_textures(tiles, is_whole):
    """What is told of the textures of whole views [B, 80] and of crops [B, 80]."""
    part, of_cells = WholeStatistics(SHAPE), textures(tiles, SHAPE.patch)
    return part.statistics(tiles, torch.tensor(is_whole), of_cells)[:, 148:].split(80, dim=1)


def test_of_textures_the_whole_view_and_the_mean_over_its_own_crops_are_told():
    tiles = (
        torch.rand(7, 2, SIDE, SIDE, generator=torch.Generator().manual_seed(3))
        * torch.linspace(0.1, 1, 7)[:, None, None, None]
    )
    whole, crops = of_textures(tiles, [False, True, False, False, True, False, True])
    each = TextureQuantiles(SHAPE)(textures(tiles, SHAPE.patch))
    torch.testing.assert_close(whole, each[[1, 4, 6]])
    torch.testing.assert_close(crops[:2], torch.stack((each[2:4].mean(0), each[5])))
    torch.testing.assert_close(crops[2], each[6])  # no crop follows it: it is one itself


def test_textures_are_told_by_their_spread_and_not_by_where_they_are():
    noise = 0.1 * torch.randn(SIDE, SIDE, generator=torch.Generator().manual_seed(4))
    noise[:, : SIDE // 2] = 0
    quantiles = TextureQuantiles(SHAPE)
    tiles = (0.5 + torch.stack((noise * 0, noise, noise.T)))[:, None].expand(-1, 2, -1, -1)
    calm, half, turned = quantiles(textures(tiles, SHAPE.patch))
    torch.testing.assert_close(half[:TEXTURES], turned[:TEXTURES], rtol=0, atol=0.05)
    lifted = (half - calm).unflatten(0, (len(quantiles.SHARES), -1))[:, :2]  # the flattest blocks of both windows
    assert lifted[0].max() < 0.1  # there are cells that are still flat
    assert lifted[3].min() > 0.8  # and cells that are nowhere


def told(network, tiles, kinds):
    """[tiles, W], which all tokens of a tile are told alike."""
    codes = torch.zeros(len(tiles), 4, dtype=torch.long)
    with torch.no_grad():
        tokens = network.encode(tiles, kinds, codes)[..., SHAPE.channels :]
    assert (tokens == tokens[:, :1]).all()
    return tokens[:, 0]


def test_the_tiles_of_a_slice_are_told_of_its_whole_view_and_no_other():
    torch.manual_seed(0)
    network = Network(SHAPE).eval()
    tiles, kinds = torch.rand(2 * SHAPE.tiles, 3, SIDE, SIDE), tile_kinds(SHAPE.tiles).repeat(2)
    before = told(network, tiles, kinds)
    first, second = before.split(SHAPE.tiles)
    assert (first == first[0]).all()
    assert (second == second[0]).all()
    assert (first[0] - second[0]).abs().max() > 1e-3
    tiles[SHAPE.tiles :] = tiles[: SHAPE.tiles]
    torch.testing.assert_close(told(network, tiles, kinds), first[:1].expand(2 * SHAPE.tiles, -1))
    tiles[1] = 0  # a crop of the first
    first, second = told(network, tiles, kinds).split(SHAPE.tiles)
    assert (first[0] - before[0]).abs().max() > 1e-3
    torch.testing.assert_close(second, before[: SHAPE.tiles])


def test_without_a_whole_view_there_is_nothing_to_tell():
    network = Network(SHAPE).train()
    assert not told(network, torch.rand(4, 3, SIDE, SIDE), torch.ones(4, dtype=torch.long)).any()


def test_what_is_said_is_the_weighted_mean_of_patches_and_whole():
    torch.manual_seed(0)
    network = Network(SHAPE).eval()
    network.whole.shares[:3] = torch.tensor([0.9, 0.75, 0.25])
    codes = torch.tensor([[0, 1, 0, 0], [0, 2, 0, 0]])
    seen = torch.rand(2, SHAPE.tiles, 3, SIDE, SIDE), tile_kinds(SHAPE.tiles), codes
    with torch.no_grad():
        tokens = network.encode_slices(*seen)
        both, patches = network.judge(tokens, codes), network.judge_patches(tokens)
        whole = network.judge_whole(network.whole_of(tokens))
        without = network.judge_patches(torch.cat((network.patches_of(tokens), 0 * tokens[..., SHAPE.channels :]), -1))
    share = torch.tensor([0.75, 0.25])
    torch.testing.assert_close(both.quality, (1 - share) * patches.quality + share * whole.quality)
    share = share[:, None]
    torch.testing.assert_close(both.severities, (1 - share) * patches.severities + share * whole.severities)
    torch.testing.assert_close(patches, without)  # which know nothing of the other expert
    torch.testing.assert_close(network.encode_slices(*seen, patches_only=True), network.patches_of(tokens))
    assert network.embed(tokens).shape == (2, SHAPE.embedding_size)


def test_what_is_written_out_for_use_is_batch_normalisation():
    torch.manual_seed(0)
    ours, plain = Standardised(5, affine=False), torch.nn.BatchNorm1d(5, affine=False, momentum=1.0)
    x = 3 + 2 * torch.randn(80, 5)
    ours.fit(x)
    plain(x)
    for part in (ours.train(), ours.eval()):
        torch.testing.assert_close(part(x), plain.eval()(x))
    torch.testing.assert_close(ours(x).std(0), torch.ones(5), rtol=1e-3, atol=0)
    ours.fit(x[:1])
    assert torch.isfinite(ours(x)).all()  # one copy has no spread


def test_a_modality_gates_what_is_read_and_nothing_is_gated_before_it_has_learnt():
    torch.manual_seed(0)
    part = WholeStatistics(SHAPE).eval()
    statistics, prompts = torch.rand(2, 308), torch.rand(2, SHAPE.prompt_size)
    torch.testing.assert_close(part.read(statistics, prompts), part.read(statistics, 0 * prompts))
    torch.nn.init.ones_(part.gate.weight)
    gated = part.read(statistics, prompts)
    assert not torch.allclose(gated, part.read(statistics, 0 * prompts))
    part.gate.weight.data *= 0
    part.first.weight.data *= 1 + prompts[:1].sum()
    part.first.bias.data *= 1 + prompts[:1].sum()
    torch.testing.assert_close(part.read(statistics, prompts)[0], gated[0])


@pytest.mark.parametrize("is_floored", [True, False])
def test_padding_is_no_darker_than_air_and_was_to_older_networks(is_floored):
    part = Network(replace(SHAPE, whole_floored=is_floored)).whole
    views = torch.rand(1, 2, SIDE, SIDE)
    views[:, :, :, :9] = 0.0
    padded = views.clone()
    padded[:, :, :, :9] = -0.25
    air, padding = (
        part.statistics(one, torch.ones(1).bool(), torch.rand(1, 16, 16))[:, :148] for one in (views, padded)
    )
    assert torch.equal(air, padding) is is_floored


def test_networks_from_before_textures_were_measured_are_read_as_they_were():
    document = SHAPE.to_document()
    for later in ("whole_hidden", "whole_textures", "whole_floored"):
        document.pop(later)
    older = NetworkConfig.from_document(document)
    assert (older.whole_size, older.whole_hidden, older.whole_textures) == (64, 192, False)
    assert not older.whole_floored
    part = Network(older).whole
    assert part.statistics(torch.rand(1, 2, SIDE, SIDE), torch.ones(1).bool(), torch.rand(1, 16, 16)).shape == (1, 148)
    assert {name.split(".")[0] for name in part.state_dict()} == {"norm", "prompt", "first", "last"}
    assert set(part.shares.tolist()) == {0.5}
