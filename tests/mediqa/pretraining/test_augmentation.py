from dataclasses import replace

import numpy as np
import pytest
import torch

from inference.mediqa.network import Network
from inference.mediqa.network.profiles import NetworkConfig
from inference.mediqa.physics import ct, degrade
from inference.mediqa.pretraining.augmentation import made_of, smooth_field, variant, with_variants
from inference.mediqa.pretraining.batches import cut_crops, turned
from inference.mediqa.pretraining.contents import has_structure, thinned
from inference.mediqa.pretraining.patches import train_patches
from inference.mediqa.pretraining.pool import build_pool, copies_by_modality
from inference.mediqa.pretraining.settings import PretrainingConfig
from inference.mediqa.pretraining.tissues import ct_section, mr_section
from inference.mediqa.simulation.copies import subject_of
from inference.mediqa.simulation.sources import SourceSlice
from inference.mediqa.types import Prompt
from tests.mediqa.conftest import phantom

SMALL = NetworkConfig(tile=32, window=2, pooled_grid=2)


def content(seed: int = 0, modality: str = "MR", source: str = "", side: int = 96) -> SourceSlice:
    pixels = phantom(1, side=side, seed=seed)[0]
    prompt = Prompt("2D", modality)
    return SourceSlice(source or f"source {seed}", str(seed), "", pixels, prompt, is_inverted=False, spacing_mm=1.0)


def stacked(modality: str = "MR") -> SourceSlice:
    one = content(modality=modality, side=220)
    near = np.stack([one.pixels + step for step in (-3, 3)]).astype(np.float32)
    return replace(one, neighbours=near, offsets_mm=np.array([-1, 1], dtype=np.float32))


def test_variants_come_beside_the_slices_repeat_with_the_seed_and_differ_from_each_other():
    slices = [content(0), content(1), content(2, "CT")]
    first, again, other = (with_variants(slices, 6, seed=seed) for seed in (0, 0, 1))
    assert first[:3] == slices
    assert [one.prompt.modality for one in first[3:]] == ["CT"] * 6 + ["MR"] * 6
    drawn, repeated, others = ([made_of(one).pixels for one in contents] for contents in (first, again, other))
    assert all(np.array_equal(one, two) for one, two in zip(drawn, repeated, strict=True))
    assert not all(np.array_equal(one, two) for one, two in zip(drawn, others, strict=True))
    made = {pixels.tobytes() for pixels in drawn[3:]}
    assert len(made) > 8  # a few keep their pixels, where no change was drawn


def test_variants_are_images_that_can_be_degraded_and_keep_their_source():
    rng = np.random.default_rng(0)
    for _ in range(40):
        one = variant(stacked(), content(5, source="other"), rng)
        assert one.source == "source 0"
        assert one.pixels.dtype == np.float32
        assert np.isfinite(one.pixels).all()
        assert one.pixels.std() > 0
        if one.neighbours is not None:
            assert one.neighbours.shape == (2, *one.pixels.shape)
            apart = np.abs(one.neighbours.mean(0) - one.pixels)  # moved as the slice was; only overshoots are cut
            assert apart.mean() < 0.5
        spoilt = degrade(subject_of(one), {"blur": 0.5}, torch.Generator().manual_seed(0))
        assert spoilt.shape == one.pixels.shape


def test_grey_values_of_ct_keep_their_meaning():
    """Wherever a variant of two plain bodies was cut, bent or mixed, its HU lie between theirs."""
    rng = np.random.default_rng(0)
    water, fat = (
        replace(content(number, "CT"), pixels=np.full((96, 96), hounsfield, dtype=np.float32))
        for number, hounsfield in enumerate((0.0, -100.0))
    )
    for _ in range(30):
        one = variant(water, fat, rng)
        assert one.pixels.min() >= -100.1
        assert one.pixels.max() <= 0.1


def test_a_curve_keeps_the_order_of_pixels(monkeypatch):
    for name in ("CUT", "COLLAGED", "WARPED"):
        monkeypatch.setattr(f"inference.mediqa.pretraining.augmentation.{name}", 0.0)
    monkeypatch.setattr("inference.mediqa.pretraining.augmentation.CURVED", 1.0)
    one = content()
    bent = variant(one, one, np.random.default_rng(1)).pixels
    assert not np.allclose(bent, one.pixels, atol=1.0)
    order = np.argsort(one.pixels, axis=None)
    assert np.all(np.diff(bent.ravel()[order]) >= 0)


def test_a_coarser_copy_knows_its_larger_pixels(monkeypatch):
    for name in ("CUT", "COLLAGED", "CURVED"):
        monkeypatch.setattr(f"inference.mediqa.pretraining.augmentation.{name}", 0.0)
    monkeypatch.setattr("inference.mediqa.pretraining.augmentation.WARPED", 1.0)
    one = variant(stacked(), stacked(), np.random.default_rng(0))
    assert one.pixels.shape[0] < 220
    assert one.spacing_mm * one.pixels.shape[0] == pytest.approx(220.0, rel=0.01)


def test_a_smooth_field_is_standardised_and_smooth():
    field = smooth_field((120, 90), 4, np.random.default_rng(0))
    assert field.shape == (120, 90)
    assert (float(field.mean()), float(field.std())) == pytest.approx((0, 1), abs=1e-6)
    assert np.abs(np.diff(field, axis=0)).max() < 0.3


def test_sections_have_air_around_a_body_and_repeat():
    for draw, air in ((ct_section, -1000.0), (mr_section, 0.0)):
        one, again, other = (draw(np.random.default_rng(seed)) for seed in (0, 0, 1))
        assert np.array_equal(one, again)
        assert one.shape != other.shape or not np.array_equal(one, other)
        corner, middle = one[:8, :8], one[len(one) // 3 : -len(one) // 3, len(one) // 3 : -len(one) // 3]
        assert abs(float(corner.mean()) - air) < 60
        assert middle.std() > 3 * corner.std()


def test_a_map_of_noise_is_no_image():
    noise = np.random.default_rng(0).normal(100, 10, (64, 64)).astype(np.float32)
    assert not has_structure(replace(content(), pixels=noise))
    assert has_structure(content())


def test_thinning_takes_from_the_large_sources_what_the_small_ones_lack():
    slices = [content(number, source="large") for number in range(20)] + [content(90, source="small")]
    slices += [content(number, source="middle") for number in range(30, 36)]
    kept = [one.source for one in thinned(slices, 11)]
    assert {name: kept.count(name) for name in ("small", "middle", "large")} == {"small": 1, "middle": 5, "large": 5}
    assert len(thinned(slices, 100)) == 27


def test_only_a_modality_that_is_rare_gets_more_copies():
    assert copies_by_modality(["MR"] * 100 + ["CT"] * 60 + ["US"] * 25 + ["OP"], 4) == {
        "MR": 4, "CT": 4, "US": 8, "OP": 16,
    }  # fmt: skip


def test_a_field_that_shows_a_part_of_the_body_loses_from_a_low_dose_as_the_whole_does():
    body = torch.zeros(128, 128)
    part = ct.beyond_field(ct.ray_paths(body, 0.7), body)
    assert float(part.integrals.max()) == pytest.approx(ct.REFERENCE_PATH, rel=1e-5)
    air = torch.full((128, 128), -1000.0)
    air[32:96, 32:96] = 0.0
    paths = ct.ray_paths(air, 0.7)
    assert torch.equal(ct.beyond_field(paths, air).integrals, paths.integrals)
    noise = ct.with_dose(body, part, 0.1, torch.Generator().manual_seed(0)).std()
    alone = ct.with_dose(body, ct.ray_paths(body, 0.7), 0.1, torch.Generator().manual_seed(0)).std()
    assert noise > 2 * alone


def test_a_step_without_the_whole_view_sees_crops_of_the_same_places():
    pool = build_pool([content(0), content(1)], 4, SMALL, seed=0, crops=3)
    rows = np.arange(8)
    tiles = cut_crops(pool, rows, 1, np.random.default_rng(1), every=4, has_whole=False)
    assert tiles.shape == (8, 2, 3, 32, 32)
    places = [
        [next(index for index in range(4) if torch.equal(pool.tiles[row, index].float(), tile)) for tile in tiles[row]]
        for row in rows
    ]
    assert all(len(set(found)) == 2 and 0 not in found for found in places)
    assert places == [places[0]] * 4 + [places[4]] * 4
    assert places[0] != places[4]  # of each image other places, by this seed


def test_variants_are_degraded_like_the_slices_that_they_become():
    slices = with_variants([content(0), content(1)], 2, seed=0)
    lazily = build_pool(slices, 4, SMALL, seed=0, crops=2)
    made = build_pool([made_of(one) for one in slices], 4, SMALL, seed=0, crops=2)
    assert torch.equal(lazily.tiles, made.tiles)
    assert lazily.sources == made.sources
    assert torch.equal(lazily.severities, made.severities)


def test_images_are_turned_in_all_eight_ways():
    tiles = torch.rand(1, 1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    tiles[0, 0, 0, 1, 2] = 2.0  # grey values are bent in their order: the brightest stays the brightest
    result = turned(tiles.expand(64, 1, 1, 8, 8), np.random.default_rng(0), every=1)
    brightest = {divmod(int(one.argmax()), 8) for one in result[:, 0, 0]}
    assert brightest == {(y, x) for a, b in ((1, 2), (2, 1)) for y in (a, 7 - a) for x in (b, 7 - b)}


def test_turning_bends_the_grey_values_of_an_image_alike():
    tiles = torch.rand(4, 2, 2, 16, 16)
    tiles[1] = tiles[0]
    result = turned(tiles, np.random.default_rng(0), every=2)
    assert torch.equal(result[0], result[1])
    assert torch.isfinite(result).all()
    assert not torch.equal(result[0].sort().values, tiles[0].sort().values)


def test_dropped_channels_and_crops_alone_change_what_is_learnt():
    """Two steps with each setting: the seed gives the same draws, the weights differ."""
    pool = build_pool([content(0), content(1)], 4, SMALL, seed=0, crops=2)

    def weights(**settings: float) -> torch.Tensor:
        torch.manual_seed(0)
        network = Network(SMALL)
        config = PretrainingConfig(steps=2, images_per_step=2, **settings)
        train_patches(network, pool, config, lambda line: None)
        return network.quality[0].weight.detach()

    plain = weights(feature_dropout=0.0, crops_only=0.0)
    torch.testing.assert_close(weights(feature_dropout=0.0, crops_only=0.0), plain, rtol=0, atol=0)
    assert not torch.equal(weights(feature_dropout=0.5, crops_only=0.0), plain)
    assert not torch.equal(weights(feature_dropout=0.0, crops_only=1.0), plain)
