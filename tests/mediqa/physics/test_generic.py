"""Blur, noise and block coding."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from inference.mediqa.physics import generic

from .shapes import seeded, textured


def test_blur_of_a_point_has_the_asked_variance_and_mass():
    point = torch.zeros(65, 65)
    point[32, 32] = 1.0
    blurred = generic.with_blur(point, 2.0)
    ticks = torch.arange(65) - 32.0
    assert blurred.sum() == pytest.approx(1.0, rel=1e-4)
    assert float((blurred.sum(dim=1) * ticks**2).sum()) == pytest.approx(4.0, rel=0.01)


def test_two_blurs_add_in_quadrature():
    image = torch.rand(80, 80, generator=seeded())
    twice = generic.with_blur(generic.with_blur(image, 1.2), 1.6)
    once = generic.with_blur(image, 2.0)
    assert (twice - once)[15:-15, 15:-15].abs().max() < 0.01


def test_gaussian_noise_has_the_asked_deviation():
    assert generic.with_gaussian_noise(torch.zeros(300, 300), 3.0, seeded()).std() == pytest.approx(3.0, rel=0.01)


def test_block_coding_at_full_quality_loses_less_than_a_grey_value():
    image = torch.rand(50, 61, generator=seeded()) * 255
    coded = generic.with_block_coding(image, 100, 0, 255)
    assert (coded - image).abs().max() < 4.0  # 64 coefficients, each off by at most half
    assert (coded - image).std() < 0.5


def test_block_coding_keeps_a_constant_block_and_loses_more_at_lower_quality():
    flat = torch.full((16, 16), 128.0)
    torch.testing.assert_close(generic.with_block_coding(flat, 50, 0, 255), flat)
    image = torch.rand(64, 64, generator=seeded()) * 255
    losses = [float((generic.with_block_coding(image, quality, 0, 255) - image).std()) for quality in (90, 40, 5)]
    assert losses == sorted(losses)


def test_block_coding_agrees_with_a_jpeg_file():
    image = (textured(64) / 1300 * 255).clamp(0, 255).round()
    stream = io.BytesIO()
    Image.fromarray(image.numpy().astype(np.uint8)).save(stream, "JPEG", quality=20)
    theirs = torch.from_numpy(np.asarray(Image.open(stream), dtype=np.float32))
    ours = generic.with_block_coding(image, 20, 0, 255).clamp(0, 255).round()
    assert (ours - theirs).abs().mean() < 0.6
    assert (ours - theirs).abs().mean() < 0.1 * (image - theirs).abs().mean()


def test_each_slice_has_a_visible_range_of_its_own():
    batch = torch.stack([textured(48, seed) * (seed + 1) for seed in range(3)])
    low, high = generic.visible_range(batch)
    assert low.shape == high.shape == (3, 1, 1)
    for place, one in enumerate(batch):
        expected = torch.quantile(one, torch.tensor([0.005, 0.995])).tolist()
        assert [float(low[place]), float(high[place])] == pytest.approx(expected)
