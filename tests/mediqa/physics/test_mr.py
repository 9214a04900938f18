"""Magnetic resonance: laws of noise, energy of k-space, ghosts and folds in closed form."""

import math

import numpy as np
import pytest
import torch

from inference.mediqa.physics import mr

from .shapes import disc, seeded


def test_rician_background_has_the_mean_and_deviation_of_rayleigh():
    noisy = mr.with_rician_noise(torch.zeros(400, 400), 5.0, seeded())
    assert noisy.mean() == pytest.approx(5 * math.sqrt(math.pi / 2), rel=0.01)
    assert noisy.std() == pytest.approx(5 * math.sqrt(2 - math.pi / 2), rel=0.01)


def test_rician_noise_agrees_with_scipy():
    stats = pytest.importorskip("scipy.stats")
    noisy = mr.with_rician_noise(torch.full((300, 300), 8.0), 5.0, seeded())
    law = stats.rice(8.0 / 5.0, scale=5.0)
    assert noisy.mean() == pytest.approx(law.mean(), rel=0.01)
    assert noisy.std() == pytest.approx(law.std(), rel=0.01)


def test_rician_noise_is_gaussian_where_signal_is_strong():
    noisy = mr.with_rician_noise(torch.full((400, 400), 200.0), 5.0, seeded())
    assert noisy.std() == pytest.approx(5.0, rel=0.01)
    assert (noisy**2).mean() == pytest.approx(200.0**2 + 2 * 25, rel=1e-3)  # second moment of the Rician law


def test_a_quarter_of_the_averages_doubles_the_noise():
    assert math.hypot(2.0, mr.added_sigma(2.0, 0.25)) == pytest.approx(4.0)


def test_g_factor_is_one_without_acceleration_and_grows_with_it():
    assert mr.sense_g_factor(128, 1.0) == pytest.approx(torch.ones(128), abs=1e-3)
    means = [float(mr.sense_g_factor(128, factor).mean()) for factor in (1.0, 2.0, 2.5, 3.0, 4.0)]
    assert means == sorted(means)
    assert mr.sense_g_factor(128, 4.0).min() >= 1.0


@pytest.mark.parametrize("acceleration", [2, 3, 4, 5])
def test_the_g_factor_is_the_root_of_the_inflation_of_variance(acceleration):
    """1 / (1 - R^2) with R^2 the share of a coil vector that those folded onto it explain, by numpy's least squares."""
    lines = 60 * acceleration
    centres = (np.arange(mr.COILS) + 0.5) / mr.COILS
    sensitivity = np.exp(-((np.arange(lines)[:, None] / lines - centres) ** 2) / (2 * 0.11**2))
    for line in range(0, lines, 17):
        others = sensitivity[[(line + part * 60) % lines for part in range(1, acceleration)]].T
        solution = np.linalg.lstsq(others, sensitivity[line], rcond=None)[0]
        unexplained = np.sum((sensitivity[line] - others @ solution) ** 2) / np.sum(sensitivity[line] ** 2)
        assert mr.sense_g_factor(lines, acceleration)[line] == pytest.approx(unexplained**-0.5, rel=1e-3)


def test_acceleration_adds_the_noise_of_fewer_lines():
    """Without coupling of the coils (g = 1) the standard deviation grows with the root of R."""
    flat = torch.full((240, 240), 1000.0)
    noisy = mr.with_acceleration(flat, 2.0, 5.0, seeded())
    expected = 5 * torch.sqrt((2 * mr.sense_g_factor(240, 2.0) ** 2 - 1).mean())
    assert noisy.std() == pytest.approx(float(expected), rel=0.02)


def test_undersampling_keeps_the_named_share_of_lines_and_the_centre():
    mask = mr.line_mask(200, 0.4, seeded())
    assert int(mask.sum()) == 80
    assert mask[:8].all()
    assert mask[-7:].all()


def test_undersampling_is_numpys_transform_without_the_missing_lines():
    image = torch.rand(64, 50, generator=seeded()) + 1
    mask = mr.line_mask(64, 0.5, seeded(3)).numpy()
    expected = np.abs(np.fft.ifft2(np.fft.fft2(image.double().numpy()) * mask[:, None]))
    np.testing.assert_allclose(mr.with_undersampling(image, 0.5, seeded(3)).numpy(), expected, atol=1e-5)


def test_what_is_complete_changes_nothing():
    image = torch.rand(48, 64, generator=seeded())
    for same in (
        mr.with_undersampling(image, 1.0, seeded()),
        mr.with_motion(image, 0.0, seeded()),
        mr.with_truncation(image, 1.0),
        mr.with_ghost(image, 0.0),
        mr.with_bias_field(image, 0.0, seeded()),
    ):
        torch.testing.assert_close(same, image, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("rows", [64, 63])
def test_an_object_that_moved_in_all_shots_lies_elsewhere(rows):
    image = torch.rand(rows, 48, generator=seeded())
    shift = torch.tensor([[3.0, -5.0]]).expand(8, -1)
    torch.testing.assert_close(mr.moved(image, shift), image.roll((3, -5), (0, 1)), atol=1e-5, rtol=0)


@pytest.mark.parametrize("rows", [64, 63])
@pytest.mark.parametrize("still", [0, 3, 4])
def test_an_object_that_lay_still_in_one_shot_is_the_sum_of_its_lines_and_of_the_shifted_rest(rows, still):
    image = torch.rand(rows, 48, generator=seeded())
    shift = torch.tensor([3.0, -5.0]).repeat(8, 1)
    shift[still] = 0.0
    lines = np.fft.fftshift(np.fft.fft2(image.double().numpy()), axes=0)  # from the lowest frequency on
    is_still = (np.arange(rows) * 8 // rows == still)[:, None]
    part, rest = (np.fft.ifft2(np.fft.ifftshift(lines * kept, axes=0)) for kept in (is_still, ~is_still))
    expected = np.abs(part + np.roll(rest, (3, -5), (0, 1)))
    np.testing.assert_allclose(mr.moved(image, shift).numpy(), expected, atol=1e-5)


def test_motion_shifts_all_shots_but_that_of_the_mean_by_normal_steps(monkeypatch):
    seen: list[torch.Tensor] = []
    monkeypatch.setattr(mr, "moved", lambda image, shift: seen.append(shift) or image)
    for seed in range(200):
        mr.with_motion(torch.zeros(64, 64), 3.0, seeded(seed))
    steps = torch.stack(seen)
    still = int(mr.shot_of_line(64, 8, steps.device)[0])
    assert not steps[:, still].any()
    assert steps[:, [shot for shot in range(8) if shot != still]].std() == pytest.approx(3.0, rel=0.05)


def test_a_ghost_is_what_alternating_line_phases_make():
    image = disc(96, 14.0)
    phase = torch.where(torch.arange(96) % 2 == 0, 0.5, -0.5) * math.radians(40)
    lines = torch.fft.fft2(image.to(torch.complex64)) * torch.polar(torch.ones(96), phase)[:, None]
    torch.testing.assert_close(mr.with_ghost(image, 40.0), torch.fft.ifft2(lines).abs(), atol=1e-5, rtol=1e-4)
    ghost = mr.with_ghost(image, 40.0)[0, 48]  # half a field of view from the centre
    assert ghost == pytest.approx(math.sin(math.radians(20)), rel=1e-4)


def test_a_spike_is_one_wave_of_the_named_amplitude():
    image = torch.full((64, 64), 100.0)
    change = mr.with_spike(image, 0.2, seeded(1)) - image
    assert change.abs().max() == pytest.approx(20.0, rel=0.02)
    assert change.std() == pytest.approx(20.0 / math.sqrt(2), rel=0.1)


def test_truncation_overshoots_by_the_constant_of_gibbs():
    edge = torch.zeros(256, 256)
    edge[:, 64:192] = 1.0
    ringing = mr.with_truncation(edge, 0.25)
    assert ringing.max() - 1 == pytest.approx(0.0895, abs=0.02)  # Wilbraham-Gibbs, 8.95 % of the step


def test_the_bias_field_is_smooth_and_has_the_named_drop():
    field = mr.with_bias_field(torch.ones(90, 120), 0.6, seeded(4))
    assert field.max() == pytest.approx(1.0, abs=1e-3)
    assert field.min() == pytest.approx(0.4, abs=1e-3)
    assert field.diff(dim=0).abs().max() < 0.03


def test_a_fold_keeps_the_signal_and_adds_the_far_side():
    body = torch.zeros(100, 8)
    body[20:80] = torch.arange(1.0, 61)[:, None]
    folded = mr.with_wrap(body, 0.75)  # 45 rows of 60
    assert mr.body_rows(body)[1] == 79
    start = (mr.body_rows(body)[0] + 80) // 2 - round(0.75 * (80 - mr.body_rows(body)[0])) // 2
    period = round(0.75 * (80 - mr.body_rows(body)[0]))
    window = folded[start : start + period]
    assert window.sum() == pytest.approx(float(body.sum()))
    assert torch.equal(window[:2], body[start : start + 2] + body[start + period : start + period + 2])
    assert torch.equal(folded[start + period :], folded[start : start + 100 - start - period])


def test_a_map_of_phases_folds_though_it_is_nowhere_bright():
    phases = torch.full((60, 8), -1000.0)
    phases[20:40] = -4000.0
    assert mr.body_rows(phases) == (0, 59)
    assert torch.equal(mr.with_wrap(phases, 1.0), phases)
    assert torch.isfinite(mr.with_wrap(phases, 0.6)).all()
