"""Radiography and mammography: variances, contrasts and widths in closed form."""

import math

import numpy as np
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


def test_an_odd_penumbra_is_the_uniform_filter_of_scipy():
    ndimage = pytest.importorskip("scipy.ndimage")
    image = torch.rand(50, 60, generator=seeded())
    theirs = ndimage.uniform_filter(image.numpy(), 5, mode="mirror")
    np.testing.assert_allclose(projection.with_focal_blur(image, 5.0).numpy(), theirs, atol=1e-6)


@pytest.mark.parametrize("is_inverted", [False, True])
@pytest.mark.parametrize("ratio", [0.0, 0.5, 3.0])
def test_scatter_of_narrow_stripes_is_even_and_of_the_named_ratio_behind_them(ratio, is_inverted):
    """Stripes far below the width of scatter: it is S/P mean(p exp(-p)) / mean(p) everywhere."""
    image = torch.arange(5.0).repeat(240, 48)
    path = projection.PATH_SPAN - image if is_inverted else image
    primary, scatter = torch.exp(-path), ratio * (torch.exp(-path) * path).mean() / path.mean()
    assert (scatter * path).mean() == pytest.approx(float(ratio * (primary * path).mean()))
    expected = -torch.log((primary + scatter) / (1 + ratio))
    expected = projection.PATH_SPAN - expected if is_inverted else expected
    torch.testing.assert_close(
        projection.with_scatter(image, ratio, is_inverted=is_inverted), expected, atol=1e-5, rtol=0
    )


def test_scatter_divides_the_contrast_of_a_detail_by_one_and_the_ratio():
    """Where half of what arrives is scatter, S/P is 1 and a small step of the path is seen half as high."""
    image = torch.tensor([0.0, 2.0, 2.01, 4.0]).repeat(240, 60)
    primary = torch.exp(-image[0, :4])
    ratio = float(primary[1] * image[0, :4].mean() / (primary * image[0, :4]).mean())
    scattered = projection.with_scatter(image, ratio)
    assert float(scattered[0, 2] - scattered[0, 1]) == pytest.approx(0.01 / 2, rel=0.01)


def test_grid_lines_have_one_frequency_and_the_named_amplitude():
    image = disc(128, 60.0) * 4
    lines = projection.with_grid_lines(image, 0.1, seeded(2)) - image
    assert lines.abs().max() == pytest.approx(0.1 * 4 / 4, rel=0.05)
    along = min((0, 1), key=lambda axis: float(lines.std(dim=axis).max()))
    assert lines.std(dim=along).max() < 1e-5
    wave = lines.mean(dim=along)
    beside = wave[2:] + wave[:-2]  # of a sine: 2 cos(2 pi f) of what is between
    double_cosine = (beside * wave[1:-1]).sum() / (wave[1:-1] ** 2).sum()
    torch.testing.assert_close(beside, double_cosine * wave[1:-1], atol=1e-4, rtol=0)
    assert 0.05 < math.acos(float(double_cosine) / 2) / (2 * math.pi) < 0.4


def test_saturation_gives_the_named_share_one_value():
    image = torch.arange(10_000.0).reshape(100, 100)
    cut = projection.with_saturation(image, 0.3)
    assert float((cut == cut.max()).float().mean()) == pytest.approx(0.3, abs=0.03)
