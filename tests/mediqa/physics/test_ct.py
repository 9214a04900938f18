"""Computed tomography: variances in closed form, noise against reconstructed sinograms."""

import math

import pytest
import torch

from inference.mediqa.physics import ct, tomography

from .shapes import disc, ellipse, seeded


@pytest.fixture(scope="module")
def water() -> torch.Tensor:
    return -1000.0 + 1000.0 * disc(160, 60.0)


@pytest.fixture(scope="module")
def scan(water) -> ct.Scan:
    return ct.scan_of(water, 1.5)


CENTRE = (slice(60, 100), slice(60, 100))


def test_noise_variance_goes_with_the_inverse_dose(water, monkeypatch):
    monkeypatch.setattr(ct, "ELECTRONIC_STD_PHOTONS", 0.0)
    paths = ct.ray_paths(water, 1.5)

    def variance(dose: float) -> float:
        return float((ct.with_dose(water, paths, dose, seeded()) - water)[CENTRE].var())

    assert variance(0.1) / variance(0.5) == pytest.approx((1 / 0.1 - 1) / (1 / 0.5 - 1), rel=1e-3)
    assert variance(0.25) / variance(0.5) == pytest.approx(3.0, rel=1e-3)


def test_electronic_noise_matters_more_the_lower_the_dose(water, monkeypatch):
    paths = ct.ray_paths(water, 1.5)

    def variance(dose: float) -> float:
        return float((ct.with_dose(water, paths, dose, seeded()) - water)[CENTRE].var())

    low, high = variance(0.02), variance(0.5)
    monkeypatch.setattr(ct, "ELECTRONIC_STD_PHOTONS", 0.0)
    electronic_share_of_low, of_high = low / variance(0.02) - 1, high / variance(0.5) - 1
    assert electronic_share_of_low > 5 * of_high > 0  # quantum noise goes with 1 / dose, electronic with its square


def test_line_integrals_through_the_centre_of_water_are_its_diameter(water):
    paths = ct.ray_paths(water, 1.5)
    assert paths.integrals[:, 80, 80] == pytest.approx(120 * 1.5 * ct.MU_WATER_PER_MM, rel=0.02)


def test_noise_is_what_a_reconstructed_noisy_sinogram_has():
    """Level within the loss of linear interpolation in the back-projection; grain along and across the body."""
    body = 1000.0 * ellipse(160, 30, 65) - 1000.0
    paths = ct.ray_paths(body, 3.0)
    variance = torch.exp(paths.integrals) / ct.FULL_DOSE_PHOTONS
    ours = torch.stack([ct.reconstructed_noise(variance, seeded(i)) for i in range(8)])
    angles = tomography.angles_of(ct.VIEWS)
    line = tomography.project(ct.attenuation_of(body, 3.0)[None], angles).clamp(max=ct.LONGEST_PATH)
    white = torch.randn(8, ct.VIEWS, 160, generator=seeded(9))
    exact = tomography.reconstruct(white * torch.exp(line / 2) / math.sqrt(ct.FULL_DOSE_PHOTONS), angles, 160)
    for rows, columns in ((70, 70), (70, 15), (20, 70)):
        place = (slice(None), slice(rows, rows + 20), slice(columns, columns + 20))
        mine, reference = ours[place], exact[place]
        assert float(mine.std() / reference.std()) == pytest.approx(1.15, abs=0.12)
        for axis in (1, 2):
            assert _neighbour(mine, axis) == pytest.approx(_neighbour(reference, axis), abs=0.12)


def _neighbour(noise: torch.Tensor, axis: int) -> float:
    size = noise.shape[axis]
    return float((noise.narrow(axis, 0, size - 1) * noise.narrow(axis, 1, size - 1)).mean() / noise.var())


def test_full_dose_and_all_views_change_nothing(water, scan):
    assert torch.equal(ct.with_dose(water, ct.ray_paths(water, 1.5), 1.0, seeded()), water)
    torch.testing.assert_close(ct.with_views(water, ct.VIEWS, scan), water, atol=0.01, rtol=0)
    torch.testing.assert_close(ct.with_angular_range(water, 180, scan), water, atol=0.01, rtol=0)


def test_fewer_views_and_a_smaller_range_err_more(water, scan):
    errors = [float((ct.with_views(water, views, scan) - water).std()) for views in (90, 45, 20)]
    assert errors == sorted(errors)
    errors = [float((ct.with_angular_range(water, degrees, scan) - water).std()) for degrees in (170, 140, 100)]
    assert errors == sorted(errors)


@pytest.mark.parametrize("dose", [0.0, -0.5, 1.5])
def test_impossible_doses_are_refused(water, dose):
    with pytest.raises(ValueError, match="relative_dose"):
        ct.with_dose(water, ct.ray_paths(water, 1.5), dose, seeded())


def test_a_hardened_beam_cups(water, scan):
    """The centre of water loses, and the line integral of 30 cm of water loses the named share."""
    change = ct.with_beam_hardening(water, 0.2, scan) - water
    assert change[78:82, 78:82].mean() < change[78:82, 26:30].mean() - 20


def test_metal_is_bright_in_its_place_and_streaks_elsewhere(water, scan):
    change = ct.with_metal(water, 8.0, scan, seeded(1)) - water
    row, column = divmod(int(change.argmax()), 160)
    assert disc(160, 60.0)[row, column] > 0
    far = (torch.arange(160)[:, None] - row).abs() + (torch.arange(160)[None, :] - column).abs() > 30
    assert change[far].std() > 5
    small = ct.with_metal(water, 2.0, scan, seeded(1)) - water
    assert small[far].std() < change[far].std()


def test_rings_are_round(water):
    change = ct.with_rings(water, 0.02, seeded(3), 1.5) - water
    torch.testing.assert_close(change, change.flip(0), atol=1e-2, rtol=1e-3)
    torch.testing.assert_close(change, change.T, atol=1e-2, rtol=1e-3)
    assert change.std() > 1


def test_a_soft_kernel_halves_the_contrast_of_the_named_frequency():
    ticks = torch.arange(200) * 0.5  # mm
    wave = 100 * torch.cos(2 * math.pi * ticks * 0.4)[None, :].expand(200, -1)  # 4 line pairs per cm
    assert float(ct.with_soft_kernel(wave, 4.0, 0.5).std() / wave.std()) == pytest.approx(0.5, rel=1e-3)


def test_a_sharp_kernel_amplifies_half_the_nyquist_frequency_and_keeps_the_mean():
    wave = torch.cos(2 * math.pi * 0.25 * torch.arange(64.0))[None, :].expand(64, -1) + 5
    sharp = ct.with_sharp_kernel(wave, 3.0)
    assert float(sharp.std() / wave.std()) == pytest.approx(3.0, rel=1e-3)
    assert sharp.mean() == pytest.approx(5.0, rel=1e-4)
