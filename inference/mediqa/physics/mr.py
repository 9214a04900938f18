"""Magnetic resonance. Magnitude images in any units, [..., rows, columns]; lines of k-space are rows.

Rician law and its averages: Gudbjartsson and Patz, Magn Reson Med 34:910, 1995; signal to noise grows with the
field and with the root of the averages: Edelstein et al., Magn Reson Med 3:604, 1986. Parallel imaging:
Pruessmann et al. (SENSE), Magn Reson Med 42:952, 1999. Motion: Atkinson et al., IEEE TMI 16:903, 1997.
Artefacts: Bernstein, King and Zhou, Handbook of MRI Pulse Sequences, ch. 11 and 12 (here: Handbook).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from inference.mediqa.physics.generic import (
    check_range,
    check_share,
    normal_like,
    slice_by_slice,
    smooth_noise,
    uniform,
)

CENTRE_SHARE = 0.08  # of the phase-encoding lines that are always acquired
COILS = 8


def with_rician_noise(magnitude: Tensor, sigma: float | Tensor, generator: torch.Generator) -> Tensor:
    """Add noise of standard deviation ``sigma`` (image units) to both receiver channels; take the magnitude.

    Where there is no signal the result is Rayleigh: mean sigma sqrt(pi / 2) (Gudbjartsson and Patz 1995).
    """
    if not torch.is_tensor(sigma):
        check_range("sigma", float(sigma), 0)
    noisy: Tensor = torch.hypot(
        magnitude + normal_like(magnitude, generator) * sigma, normal_like(magnitude, generator) * sigma
    )
    return noisy


def added_sigma(sigma: float, relative_averages: float) -> float:
    """Return the noise that is missing between full and ``relative_averages`` (0..1] of the averages (NEX).

    sigma: of the image as it is. The variance goes with 1 / NEX (Edelstein et al. 1986).
    """
    check_share("relative_averages", relative_averages)
    return sigma * math.sqrt(1 / relative_averages - 1)


def with_acceleration(magnitude: Tensor, acceleration: float, sigma: float, generator: torch.Generator) -> Tensor:
    """Noise of SENSE at ``acceleration`` R (1..6) along the rows: sigma g(place) sqrt(R), less what is there.

    Pruessmann et al. 1999; what is there is the noise of the full acquisition.
    """
    check_range("acceleration", acceleration, 1, 6)
    g_factor = sense_g_factor(magnitude.shape[-2], acceleration).to(magnitude)
    added = sigma * torch.sqrt((acceleration * g_factor**2 - 1).clamp(min=0))
    return with_rician_noise(magnitude, added[:, None], generator)


def sense_g_factor(lines: int, acceleration: float, *, coils: int = COILS) -> Tensor:
    """g = sqrt([(S^H S)^-1]_ii [S^H S]_ii) of a row of Gaussian coils: [lines], 1 without acceleration.

    Between whole accelerations it is interpolated (Pruessmann et al. 1999).
    """
    lower = math.floor(acceleration)
    share = acceleration - lower
    first = _whole_g_factor(lines, lower, coils)
    return first if share == 0 else (1 - share) * first + share * _whole_g_factor(lines, lower + 1, coils)


def _whole_g_factor(lines: int, acceleration: int, coils: int) -> Tensor:
    place = torch.arange(lines) / lines
    centres = (torch.arange(coils) + 0.5) / coils
    profiles = torch.exp(-((place[:, None] - centres[None, :]) ** 2) / (2 * 0.11**2))  # [lines, coils]
    step = lines // acceleration
    folded = torch.stack([profiles[(torch.arange(step) + part * step) % lines] for part in range(acceleration)], dim=1)
    normal = folded @ folded.transpose(1, 2)  # [step, R, R]
    inverse = torch.linalg.inv(normal + 1e-6 * torch.eye(acceleration))
    g_factor = torch.sqrt(inverse.diagonal(dim1=1, dim2=2) * normal.diagonal(dim1=1, dim2=2)).clamp(1.0, 10.0)
    whole = g_factor.T.reshape(-1)  # [R * step]
    return functional.pad(whole[None], (0, lines - len(whole)), mode="replicate")[0]


def with_undersampling(magnitude: Tensor, kept_share: float, generator: torch.Generator) -> Tensor:
    """Keep the centre of k-space and a random choice of other lines, ``kept_share`` (0..1] in all; zero-filled.

    What is left out at random folds in as incoherent streaks (Lustig, Donoho and Pauly, Magn Reson Med 58:1182, 2007).
    """
    check_share("kept_share", kept_share)
    mask = line_mask(magnitude.shape[-2], kept_share, generator)
    return _magnitude_of(torch.fft.fft2(magnitude) * mask[:, None])


def line_mask(lines: int, kept_share: float, generator: torch.Generator) -> Tensor:
    """Return bool [lines] in FFT order with round(kept_share * lines) lines, the lowest frequencies first."""
    count = max(1, round(kept_share * lines))
    centre = min(count, max(1, round(CENTRE_SHARE * lines)))
    device = generator.device
    order = torch.argsort(torch.fft.fftfreq(lines, device=device).abs(), stable=True)
    outer = order[centre:][torch.randperm(lines - centre, generator=generator, device=device)]
    mask = torch.zeros(lines, dtype=torch.bool, device=device)
    mask[order[:centre]] = True
    mask[outer[: count - centre]] = True
    return mask


def with_motion(magnitude: Tensor, amplitude_px: float, generator: torch.Generator, *, shots: int = 8) -> Tensor:
    """Shift the object between ``shots`` segments of k-space by normal steps of ``amplitude_px`` pixels.

    The shot that holds the mean of the image stays, so that the image as a whole does not move
    (Atkinson et al., IEEE TMI 16:903, 1997).
    """
    check_range("amplitude_px", amplitude_px, 0)
    shift = torch.randn(shots, 2, generator=generator, device=magnitude.device) * amplitude_px
    shift[shot_of_line(magnitude.shape[-2], shots, magnitude.device)[0]] = 0.0
    return moved(magnitude, shift)


def moved(magnitude: Tensor, shift_px: Tensor) -> Tensor:
    """Return the image whose shots of k-space saw the object shifted by ``shift_px`` [shots, 2], down and across.

    A shift turns the phase of a line in proportion to its frequency (Atkinson et al., IEEE TMI 16:903, 1997).
    """
    rows, columns = magnitude.shape[-2:]
    device = magnitude.device
    down, across = torch.fft.fftfreq(rows, device=device), torch.fft.fftfreq(columns, device=device)
    per_line = shift_px[shot_of_line(rows, len(shift_px), device)]  # [rows, 2]
    phase = down[:, None] * per_line[:, :1] + across[None, :] * per_line[:, 1:]
    turned = torch.polar(torch.ones_like(phase), -2 * math.pi * phase)
    return _magnitude_of(torch.fft.fft2(magnitude) * turned)


def shot_of_line(lines: int, shots: int, device: torch.device) -> Tensor:
    """Return which shot acquires each line: [lines] in FFT order, shots in the order of frequency."""
    shot = torch.empty(lines, dtype=torch.long, device=device)
    order = torch.argsort(torch.fft.fftfreq(lines, device=device), stable=True)
    shot[order] = torch.arange(lines, device=device) * shots // lines
    return shot


def with_ghost(magnitude: Tensor, line_phase_deg: float) -> Tensor:
    """Every second line has a phase error: a ghost at half the field of view with sin(phase / 2) of the signal.

    Even lines are turned by +phase / 2, odd ones by -phase / 2 (EPI, Handbook ch. 16.1).
    """
    check_range("line_phase_deg", line_phase_deg, 0, 180)
    half = math.radians(line_phase_deg) / 2
    ghost = torch.roll(magnitude, magnitude.shape[-2] // 2, dims=-2)
    result: Tensor = torch.hypot(math.cos(half) * magnitude, math.sin(half) * ghost)
    return result


def with_spike(magnitude: Tensor, share_of_peak: float, generator: torch.Generator) -> Tensor:
    """One point of k-space is hit by a discharge of ``share_of_peak`` of its centre: stripes all over (Handbook)."""
    check_range("share_of_peak", share_of_peak, 0)
    rows, columns = magnitude.shape[-2:]
    radius, angle = uniform(generator, 0.04, 0.3), uniform(generator, 0, math.pi)
    down = torch.arange(rows, device=magnitude.device)[:, None] * (radius * math.sin(angle))
    across = torch.arange(columns, device=magnitude.device)[None, :] * (radius * math.cos(angle))
    wave = torch.cos(2 * math.pi * (down + across) + uniform(generator, 0, 2 * math.pi))
    level = magnitude.mean(dim=(-2, -1), keepdim=True) * share_of_peak
    return (magnitude + level * wave).abs()


def with_bias_field(magnitude: Tensor, drop_share: float, generator: torch.Generator) -> Tensor:
    """Multiply by a smooth receive sensitivity between 1 - ``drop_share`` (0..1) and 1 (Handbook)."""
    check_range("drop_share", drop_share, 0, 1)
    return magnitude * (1 - drop_share * smooth_noise(magnitude, generator, cells=3))


def with_truncation(magnitude: Tensor, extent_share: float) -> Tensor:
    """Acquire only the central ``extent_share`` (0..1] of k-space, zero-filled: coarser, with ringing (Handbook)."""
    check_share("extent_share", extent_share)
    rows, columns = magnitude.shape[-2:]
    down = torch.fft.fftfreq(rows, device=magnitude.device).abs() <= extent_share / 2
    across = torch.fft.fftfreq(columns, device=magnitude.device).abs() <= extent_share / 2
    return _magnitude_of(torch.fft.fft2(magnitude) * (down[:, None] & across[None, :]))


def with_wrap(magnitude: Tensor, field_share: float) -> Tensor:
    """A field of view of ``field_share`` (0..1] of the body's rows: what lies outside folds in on the other side.

    k-space is sampled too coarsely, so the image repeats with the period of the field; all rows are shown (Handbook).
    """
    check_share("field_share", field_share)
    return slice_by_slice(lambda plane: _wrapped(plane, field_share), magnitude)


def _wrapped(plane: Tensor, field_share: float) -> Tensor:
    first, last = body_rows(plane)
    rows, columns = plane.shape
    period = max(2, round(field_share * (last + 1 - first)))
    start = (first + last + 1) // 2 - period // 2
    before = -(-start // period) * period - start  # rows of air, so that the field begins a period
    padded = functional.pad(plane, (0, 0, before, -(rows + before) % period))
    folded = padded.reshape(-1, period, columns).sum(dim=0)
    index = torch.remainder(torch.arange(rows, device=plane.device) + before, period)
    return folded[index]


def body_rows(plane: Tensor) -> tuple[int, int]:
    """Return the first and the last row whose mean is above a tenth of the brightest row's; signs do not count."""
    profile = plane.abs().mean(dim=1)
    inside = torch.nonzero(profile >= 0.1 * profile.max())[:, 0]
    return int(inside[0]), int(inside[-1])


def _magnitude_of(spectrum: Tensor) -> Tensor:
    image: Tensor = torch.fft.ifft2(spectrum).abs()
    return image
