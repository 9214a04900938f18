"""Computed tomography: variances and artefacts in closed form, or against scikit-image's reconstruction.

Where scikit-image reconstructs, sides are odd: its centre is a pixel's, ours the square's. Its y points up.
"""

import math

import numpy as np
import pytest
import torch

from inference.mediqa.physics import ct, tomography

from .shapes import chords, disc, ellipse, seeded


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


@pytest.mark.parametrize("integral", [2.0, 6.0, 8.5])
def test_quantum_noise_goes_with_the_inverse_dose_and_electronic_noise_with_its_square(water, integral):
    paths = ct.RayPaths(torch.full((ct.SECTORS, 160, 160), integral), 1.5)

    def variance(dose: float) -> float:
        return float((ct.with_dose(water, paths, dose, seeded()) - water).var())

    def expected(dose: float) -> float:
        photons = ct.FULL_DOSE_PHOTONS * math.exp(-integral)
        return (1 / dose - 1) / photons + (1 / dose**2 - 1) * (ct.ELECTRONIC_STD_PHOTONS / photons) ** 2

    assert variance(0.02) / variance(0.5) == pytest.approx(expected(0.02) / expected(0.5), rel=1e-3)


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


SIDE, PIXEL_MM = 159, 1.5
ROD = (25.0, -12.0)
INSIDE = disc(SIDE, 70.0).numpy() > 0.5


@pytest.fixture(scope="module")
def two_discs() -> ct.Scan:
    """Water with a denser disc in it: the sinogram is their chords."""
    path = chords(SIDE, 0, 0, 60.0) + 0.6 * chords(SIDE, *ROD, 8.0)
    sinogram = torch.from_numpy(path * ct.MU_WATER_PER_MM * PIXEL_MM).float()[None]
    image = tomography.reconstruct(sinogram, tomography.angles_of(ct.VIEWS), SIDE)
    return ct.Scan(sinogram, image, (SIDE, SIDE), PIXEL_MM)


def hounsfield_of(attenuation: np.ndarray) -> np.ndarray:
    """Attenuation of a pixel above that of air -> HU above that of air."""
    return attenuation * 1000 / (ct.MU_WATER_PER_MM * PIXEL_MM)


def reference(sinogram: np.ndarray, views: np.ndarray) -> np.ndarray:
    """scikit-image's reconstruction [SIDE, SIDE] from some of the views of [VIEWS, SIDE], in HU above air."""
    transform = pytest.importorskip("skimage.transform")
    theta = -views * 180.0 / ct.VIEWS
    return hounsfield_of(transform.iradon(sinogram[views].T, theta=theta, filter_name="hann", circle=True))


def assert_equals_reference(change: torch.Tensor, expected: np.ndarray, within: np.ndarray = INSIDE) -> None:
    """Within a hundredth of what is to be seen: the two sample the window of the ramp half a step apart."""
    error = (change.numpy() - expected)[within]
    assert np.sqrt((error**2).mean()) < 0.01 * expected[within].std()


def test_the_sinogram_of_a_scan_is_the_chords_of_its_discs():
    scan = ct.scan_of(1000.0 * disc(SIDE, 60.0) - 1000.0, PIXEL_MM)
    exact = chords(SIDE, 0, 0, 60.0) * ct.MU_WATER_PER_MM * PIXEL_MM
    error = np.abs(scan.sinogram[0].numpy() - exact)
    assert error[exact > 1].max() < 0.02 * exact.max()
    assert error.mean() < 0.003 * exact.max()


@pytest.mark.parametrize("views", [20, 36, 90])
def test_streaks_are_what_scikit_image_reconstructs_of_fewer_views(two_discs, views):
    change = ct.with_views(torch.zeros(SIDE, SIDE), views, two_discs)
    sinogram, every = two_discs.sinogram[0].numpy(), np.arange(ct.VIEWS)
    kept = every[:: ct.VIEWS // views]
    assert_equals_reference(change, reference(sinogram, kept) - reference(sinogram, every))


@pytest.mark.parametrize("degrees", [60, 120, 150])
def test_a_limited_angle_empties_the_missing_wedge_and_leaves_the_rest(two_discs, degrees):
    """Fourier slice theorem: the view at an angle is the spectrum along it (Kak and Slaney, ch. 3.2)."""
    body = torch.from_numpy(hounsfield_of(two_discs.reconstruction[0].numpy()))
    taper = torch.hann_window(SIDE, periodic=False)
    before, after = (
        torch.fft.fft2(image * taper * taper[:, None])
        for image in (body, ct.with_angular_range(body, degrees, two_discs))
    )
    down, across = torch.meshgrid(torch.fft.fftfreq(SIDE), torch.fft.fftfreq(SIDE), indexing="ij")
    direction = torch.rad2deg(torch.atan2(down, across)) % 180
    ring = (torch.hypot(down, across) > 0.06) & (torch.hypot(down, across) < 0.35)
    seen = ring & (direction > 8) & (direction < degrees - 8)
    missing = ring & (direction > degrees + 8) & (direction < 172)
    assert after[missing].norm() < 0.03 * before[missing].norm()
    assert (after - before)[seen].norm() < 0.03 * before[seen].norm()


def test_a_limited_angle_is_what_scikit_image_reconstructs_of_it(two_discs):
    change = ct.with_angular_range(torch.zeros(SIDE, SIDE), 120, two_discs)
    sinogram, every = two_discs.sinogram[0].numpy(), np.arange(ct.VIEWS)
    assert_equals_reference(change, reference(sinogram, every[:120]) * 120 / 180 - reference(sinogram, every))


def test_full_dose_and_all_views_change_nothing(water, scan):
    assert torch.equal(ct.with_dose(water, ct.ray_paths(water, 1.5), 1.0, seeded()), water)
    torch.testing.assert_close(ct.with_views(water, ct.VIEWS, scan), water, atol=0.01, rtol=0)
    torch.testing.assert_close(ct.with_angular_range(water, 180, scan), water, atol=0.01, rtol=0)


@pytest.mark.parametrize("dose", [0.0, -0.5, 1.5])
def test_impossible_doses_are_refused(water, dose):
    with pytest.raises(ValueError, match="relative_dose"):
        ct.with_dose(water, ct.ray_paths(water, 1.5), dose, seeded())


def test_a_hardened_beam_cups_as_half_an_ellipsoid(water, scan):
    """Lost is loss p^2 / 5.76 with p^2 = 4 mu^2 (r^2 - t^2), the projection of (8 mu^2 / pi) sqrt(r^2 - rho^2)."""
    change = ct.with_beam_hardening(water, 0.2, scan) - water
    ticks = 1.5 * (torch.arange(160) - 79.5)
    rho = torch.hypot(ticks[:, None], ticks)
    depth = 1000 * 0.2 / ct.REFERENCE_PATH * 8 * ct.MU_WATER_PER_MM / math.pi
    exact = -depth * torch.sqrt((90.0**2 - rho**2).clamp(min=0))
    assert exact.min() == pytest.approx(-153, abs=1)
    assert (change - exact)[rho < 0.95 * 90].abs().max() < 2
    assert (change - exact)[rho > 1.05 * 90].abs().max() < 15  # the edge rings


@pytest.mark.parametrize("diameter_mm", [2.0, 8.0])
def test_a_rod_is_what_scikit_image_reconstructs_of_its_starved_chords(diameter_mm):
    scan = ct.scan_of(1000.0 * disc(SIDE, 60.0) - 1000.0, PIXEL_MM)
    change = ct.with_rod(torch.zeros(SIDE, SIDE), diameter_mm, scan, ROD)
    water = chords(SIDE, 0, 0, 60.0) * ct.MU_WATER_PER_MM * PIXEL_MM
    metal = chords(SIDE, *ROD, diameter_mm / 2 / PIXEL_MM, samples=4) * ct.MU_METAL_PER_MM * PIXEL_MM
    starved = np.log((np.exp(-water) + ct.SCATTER_FLOOR) / (np.exp(-water - metal) + ct.SCATTER_FLOOR))
    expected = reference(starved, np.arange(0, ct.VIEWS, 2))
    ticks = np.arange(SIDE) - (SIDE - 1) / 2
    streaks = INSIDE & (np.hypot(ticks - ROD[0], ticks[:, None] - ROD[1]) > 6)
    assert_equals_reference(change, expected)
    assert_equals_reference(change, expected, streaks)


def test_metal_lies_in_the_body(water, scan):
    for seed in range(5):
        row, column = divmod(int((ct.with_metal(water, 8.0, scan, seeded(seed)) - water).argmax()), 160)
        assert disc(160, 63.0)[row, column] > 0


def test_rings_are_what_scikit_image_reconstructs_of_gains_that_shift_each_view_alike():
    transform = pytest.importorskip("skimage.transform")
    change = ct.with_rings(torch.zeros(SIDE, SIDE), 0.02, seeded(3), PIXEL_MM).numpy()
    generator = seeded(3)
    shift = torch.randn(SIDE, generator=generator) * 0.02 * (torch.rand(SIDE, generator=generator) < 0.1)
    turn = shift.numpy()[:, None].repeat(360, axis=1)
    expected = hounsfield_of(transform.iradon(turn, np.arange(360.0), filter_name="hann", circle=True))
    assert np.corrcoef(change[INSIDE], expected[INSIDE])[0, 1] > 0.98
    assert change[INSIDE].std() / expected[INSIDE].std() == pytest.approx(1.0, abs=0.07)


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
