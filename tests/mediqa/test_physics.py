"""Closed forms of the forward models."""

import math

import pytest
import torch

from inference.mediqa.physics import (
    DEGRADATIONS,
    KINDS,
    Subject,
    ct,
    degrade,
    generic,
    mr,
    physical_parameters,
    projection,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def disc(side: int, radius: float, *, oversampling: int = 4) -> torch.Tensor:
    ticks = (torch.arange(side * oversampling) + 0.5) / oversampling - side / 2
    inside = (ticks[:, None] ** 2 + ticks[None, :] ** 2 < radius**2).float()
    return torch.nn.functional.avg_pool2d(inside[None], oversampling)[0]


def test_projection_of_a_disc_is_its_chord():
    side, radius = 128, 40.0
    sinogram = ct.project(disc(side, radius)[None], ct.angles_of(7))
    offset = torch.arange(side) - (side - 1) / 2
    chord = 2 * torch.sqrt((radius**2 - offset**2).clamp(min=0))
    inner = offset.abs() < 0.9 * radius
    assert (sinogram[0][:, inner] - chord[inner]).abs().max() < 0.02 * 2 * radius
    assert sinogram.sum(dim=2)[0] == pytest.approx(math.pi * radius**2, rel=0.01)  # mass at every angle


def test_reconstruction_undoes_projection_inside_a_disc():
    phantom = disc(128, 40.0)
    angles = ct.angles_of(180)
    image = ct.reconstruct(ct.project(phantom[None], angles), angles, 128)[0]
    assert image[50:78, 50:78].mean() == pytest.approx(1.0, abs=0.01)
    assert image[:10, 54:74].abs().mean() < 0.03


def test_off_centre_object_is_reconstructed_in_its_place():
    phantom = torch.zeros(96, 96)
    phantom[20:26, 60:66] = 1.0
    angles = ct.angles_of(120)
    image = ct.reconstruct(ct.project(phantom[None], angles), angles, 96)[0]
    row, column = divmod(int(image.argmax()), 96)
    assert 20 <= row < 26
    assert 60 <= column < 66


@pytest.fixture(scope="module")
def water() -> torch.Tensor:
    return -1000.0 + 1000.0 * disc(160, 60.0)


def test_ct_noise_variance_goes_with_the_inverse_dose(water):
    basis = ct.noise_basis(water, seeded(), spacing_mm=1.5)
    only_quantum = ct.NoiseBasis(basis.quantum, torch.zeros_like(basis.electronic))
    centre = (slice(60, 100), slice(60, 100))

    def variance(dose: float) -> float:
        return float((ct.with_dose(water, only_quantum, dose) - water)[centre].var())

    assert variance(0.1) / variance(0.5) == pytest.approx((1 / 0.1 - 1) / (1 / 0.5 - 1), rel=1e-3)
    assert variance(0.25) / variance(0.5) == pytest.approx(3.0, rel=1e-3)


def test_electronic_noise_matters_more_the_lower_the_dose(water):
    basis = ct.noise_basis(water, seeded(), spacing_mm=1.5)

    def ratio(dose: float) -> float:
        return float(((1 / dose**2 - 1) * basis.electronic.var()) / ((1 / dose - 1) * basis.quantum.var()))

    assert ratio(0.02) > 5 * ratio(0.5)


def test_ct_noise_keeps_the_mean_and_is_larger_behind_more_tissue(water):
    basis = ct.noise_basis(water, seeded(), spacing_mm=1.5)
    assert abs(float(basis.quantum.mean())) < 0.05 * float(basis.quantum.std())
    assert basis.quantum[70:90, 70:90].std() > 1.3 * basis.quantum[:12, 70:90].std()


def test_full_dose_and_all_views_change_nothing(water):
    assert torch.equal(ct.with_dose(water, ct.noise_basis(water, seeded()), 1.0), water)
    assert torch.equal(ct.with_views(water, ct.VIEWS), water)


def test_fewer_views_streak_more(water):
    errors = [float((ct.with_views(water, views) - water).std()) for views in (90, 45, 20)]
    assert errors == sorted(errors)


@pytest.mark.parametrize("dose", [0.0, -0.5, 1.5])
def test_impossible_doses_are_refused(water, dose):
    with pytest.raises(ValueError, match="relative_dose"):
        ct.with_dose(water, ct.NoiseBasis(water, water), dose)


def test_rician_background_has_the_mean_and_deviation_of_rayleigh():
    noisy = mr.with_rician_noise(torch.zeros(400, 400), 5.0, seeded())
    assert noisy.mean() == pytest.approx(5 * math.sqrt(math.pi / 2), rel=0.01)
    assert noisy.std() == pytest.approx(5 * math.sqrt(2 - math.pi / 2), rel=0.01)


def test_rician_noise_is_gaussian_where_signal_is_strong():
    noisy = mr.with_rician_noise(torch.full((400, 400), 200.0), 5.0, seeded())
    assert noisy.std() == pytest.approx(5.0, rel=0.01)
    assert (noisy**2).mean() == pytest.approx(200.0**2 + 2 * 25, rel=1e-3)  # second moment of the Rician law


def test_undersampling_keeps_the_named_share_of_lines_and_the_centre():
    mask = mr.line_mask(200, 0.4, seeded())
    assert int(mask.sum()) == 80
    assert mask[:8].all()
    assert mask[-7:].all()


def test_undersampling_loses_exactly_the_energy_of_missing_lines():
    image = torch.rand(64, 64, generator=seeded()) + 1
    mask = mr.line_mask(64, 0.5, seeded(3))
    kept = mr.with_undersampling(image, 0.5, seeded(3))
    spectrum = torch.fft.fft2(image) * mask[:, None]
    assert float((kept**2).sum()) == pytest.approx(float((spectrum.abs() ** 2).sum()) / 64**2, rel=1e-4)


def test_all_lines_and_no_motion_change_nothing():
    image = torch.rand(48, 64, generator=seeded())
    torch.testing.assert_close(mr.with_undersampling(image, 1.0, seeded()), image, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(mr.with_motion(image, 0.0, seeded()), image, atol=1e-5, rtol=1e-5)


def test_motion_keeps_the_mean_and_ghosts_more_the_larger_it_is():
    image = disc(96, 30.0)
    moved = [mr.with_motion(image, amplitude, seeded(2)) for amplitude in (0.5, 2.0, 5.0)]
    errors = [float((one - image).norm()) for one in moved]
    assert errors == sorted(errors)


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


def test_speckle_is_relative_to_the_signal():
    image = torch.full((200, 200), 10.0)
    image[:100] = 40.0
    noise = generic.with_speckle(image, 0.2, seeded()) - image
    assert noise[:100].std() / noise[100:].std() == pytest.approx(4.0, rel=0.1)
    assert noise[:100].std() == pytest.approx(8.0, rel=0.05)


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


def test_x_ray_noise_variance_goes_with_dose_and_exponentially_with_attenuation():
    image = torch.zeros(400, 400)
    image[:200] = 100.0
    noise = projection.with_exposure(image, 0.5, seeded()) - image
    ratio = float(noise[:200].var() / noise[200:].var())
    assert ratio == pytest.approx(math.exp(projection.PATH_SPAN), rel=0.05)
    quarter = projection.with_exposure(image, 0.25, seeded()) - image
    assert float(quarter.var() / noise.var()) == pytest.approx(3.0, rel=0.01)


def test_x_ray_noise_follows_the_inversion():
    image = torch.zeros(300, 300)
    image[:150] = 100.0
    noise = projection.with_exposure(image, 0.5, seeded(), is_inverted=True) - image
    assert noise[150:].std() > 5 * noise[:150].std()


def test_focal_blur_vanishes_without_magnification_and_follows_the_penumbra():
    assert projection.focal_blur_sigma_px(1.2, 1.0, 0.15) == 0
    assert projection.focal_blur_sigma_px(1.2, 1.5, 0.15) == pytest.approx(0.6 / math.sqrt(12) / 0.15)


@pytest.mark.parametrize("kind", DEGRADATIONS, ids=lambda kind: kind.name)
def test_every_kind_is_monotonic_in_severity_and_repeatable(kind):
    modality = sorted(kind.modalities)[0] if kind.modalities else "PT"
    pixels = disc(96, 30.0) * 1000 + 50 * torch.rand(96, 96, generator=seeded(1)) - (1000 if modality == "CT" else 0)

    def degraded(severity: float) -> torch.Tensor:
        subject = Subject(pixels, modality, low=float(pixels.min()), high=float(pixels.max()))
        return degrade(subject, {kind.name: severity}, seeded(4))

    errors = [float((degraded(severity) - pixels).norm()) for severity in (0.0, 0.3, 0.6, 1.0)]
    assert errors == sorted(errors)
    assert errors[0] == 0.0
    assert torch.equal(degraded(0.5), degraded(0.5))


def test_a_kind_that_the_modality_does_not_know_is_refused():
    with pytest.raises(ValueError, match="rician does not exist in CT"):
        degrade(Subject(torch.zeros(32, 32), "CT"), {"rician": 0.5}, seeded())


def test_severities_read_as_physical_parameters():
    named = physical_parameters(dict.fromkeys(KINDS, 0.0), "CT")
    assert named["relative_dose"] == 1.0
    assert named["view_share"] == 1.0
    assert "kspace_share" not in named
    assert physical_parameters({"dose": 1.0}, "CT")["relative_dose"] == pytest.approx(0.02, rel=0.01)
    assert physical_parameters({"undersampling": 0.5}, "MR") == {"kspace_share": pytest.approx(0.575)}
