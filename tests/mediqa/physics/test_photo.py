"""Photographs: light is linear, blur is a disc."""

import math

import numpy as np
import pytest
import torch

from inference.mediqa.physics import photo

from .shapes import seeded


def test_a_disc_kernel_has_the_variance_of_a_disc():
    kernel = photo.disc_kernel(5.0)
    ticks = torch.arange(kernel.shape[0]) - kernel.shape[0] // 2
    assert kernel.sum() == pytest.approx(1.0, rel=1e-5)
    assert float((kernel.sum(dim=0) * ticks**2).sum()) == pytest.approx(5.0**2 / 4, rel=0.03)


@pytest.mark.parametrize("radius", [3.0, 5.5])
def test_defocus_of_a_point_has_the_transfer_function_of_a_disc(radius):
    """2 J1(x) / x at x = 2 pi r f (Goodman, ch. 6), times that of a square pixel."""
    special = pytest.importorskip("scipy.special")
    point = torch.zeros(129, 129)
    point[0, 0] = 1.0
    blurred = photo.with_defocus(point.roll((64, 64), (0, 1)), radius).roll((-64, -64), (0, 1))
    frequency = np.fft.fftfreq(129)
    x = 2 * np.pi * radius * np.hypot(frequency[:, None], frequency) + 1e-9
    expected = 2 * special.j1(x) / x * np.sinc(frequency) * np.sinc(frequency[:, None])
    assert np.abs(torch.fft.fft2(blurred).real.numpy() - expected).max() < 0.03  # a pixel is sampled 5 x 5 times


def test_one_stop_doubles_the_light_and_saturates():
    grey = torch.full((8, 8), 100.0)
    brighter = photo.with_exposure_error(grey, 1.0, 0, 255)
    assert float((brighter[0, 0] / 255) ** 2.2 / (100 / 255) ** 2.2) == pytest.approx(2.0, rel=1e-3)
    assert photo.with_exposure_error(grey, 5.0, 0, 255).max() == 255
    assert photo.with_exposure_error(grey, -1.0, 0, 255)[0, 0] == pytest.approx(100 / 2 ** (1 / 2.2), rel=1e-3)


def test_uneven_light_falls_to_the_named_share_at_the_furthest_corner():
    flat = torch.full((60, 90), 200.0)
    light = (photo.with_uneven_light(flat, 0.7, seeded(3), 0, 255) / 200) ** 2.2
    assert light.max() == pytest.approx(1.0, abs=0.01)
    assert light.min() == pytest.approx(0.3, abs=0.01)


def test_defocus_keeps_the_mean_of_a_flat_field():
    flat = torch.full((40, 40), 7.0)
    torch.testing.assert_close(photo.with_defocus(flat, 3.3), flat)
    assert math.isclose(float(photo.disc_kernel(0.5).sum()), 1.0, rel_tol=1e-5)
