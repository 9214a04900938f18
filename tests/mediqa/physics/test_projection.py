"""Radiography and mammography: variances, contrasts and widths in closed form."""

import math

import pytest
import torch

from inference.mediqa.physics import projection

from .shapes import disc, seeded


def test_noise_variance_goes_with_dose_and_exponentially_with_attenuation():
    image = torch.zeros(400, 400)
    image[:200] = 100.0
    noise = projection.with_exposure(image, 0.5, seeded()) - image
    ratio = float(noise[:200].var() / noise[200:].var())
    assert ratio == pytest.approx(math.exp(projection.PATH_SPAN), rel=0.05)
    quarter = projection.with_exposure(image, 0.25, seeded()) - image
    assert float(quarter.var() / noise.var()) == pytest.approx(3.0, rel=0.01)


def test_noise_follows_the_inversion():
    image = torch.zeros(300, 300)
    image[:150] = 100.0
    noise = projection.with_exposure(image, 0.5, seeded(), is_inverted=True) - image
    assert noise[150:].std() > 5 * noise[:150].std()


def test_focal_blur_of_a_point_is_a_square_of_the_named_width():
    point = torch.zeros(65, 65)
    point[32, 32] = 1.0
    blurred = projection.with_focal_blur(point, 6.0)
    ticks = torch.arange(65) - 32.0
    assert blurred.sum() == pytest.approx(1.0, rel=1e-4)
    variance = float((blurred.sum(dim=1) * ticks**2).sum())
    assert variance == pytest.approx(6.0**2 / 12, abs=1 / 4)  # of a uniform law, up to the pixel's own


def test_scatter_divides_the_contrast_behind_a_wide_body():
    """A small detail in an even body: contrast of intensity goes with 1 / (1 + S/P)."""
    path = torch.full((240, 240), 2.0)
    path[118:122, 118:122] = 2.1
    path[:30] = 0.0
    path[-30:] = projection.PATH_SPAN
    scattered = projection.with_scatter(path, 3.0)
    detail = float(scattered[119:121, 119:121].mean() - scattered[100:110, 100:110].mean())
    assert 0.1 / 6 < detail < 0.1 / 2.5
    assert torch.allclose(projection.with_scatter(path, 0.0), path, atol=0.03)


def test_grid_lines_have_one_frequency_and_the_named_amplitude():
    image = disc(128, 60.0) * 4
    lines = projection.with_grid_lines(image, 0.1, seeded(2)) - image
    assert lines.abs().max() == pytest.approx(0.1 * 4 / 4, rel=0.05)
    assert min(float(lines.std(dim=axis).max()) for axis in (0, 1)) < 1e-5


def test_saturation_gives_the_named_share_one_value():
    image = torch.arange(10_000.0).reshape(100, 100)
    cut = projection.with_saturation(image, 0.3)
    assert float((cut == cut.max()).float().mean()) == pytest.approx(0.3, abs=0.03)
