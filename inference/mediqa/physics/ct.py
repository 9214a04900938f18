"""Computed tomography. Pixels in HU, [..., rows, columns]; parallel beam.

Dose: noise insertion after Yu et al. (Med Phys 39:4064, 2012) and Zeng et al. (IEEE TNS 62:2226, 2015): the
quantum and electronic noise that is missing between full and reduced dose is added. Filtered back-projection
is linear, so the noise may be made apart; counts are large enough for the normal approximation of the Poisson
law. Artefacts that depend on the object (few views, hardening, metal) are the reconstructed difference of
two sinograms on at most ``COARSE`` pixels a side, interpolated: they are smooth or wide, the fine texture
of the slice stays.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from inference.mediqa.physics.generic import check_range, check_share, uniform
from inference.mediqa.physics.tomography import (
    angles_of,
    hann,
    project,
    radial_reconstruction,
    reconstruct,
)

MU_WATER_PER_MM = 0.0192  # at about 70 keV, NIST XCOM
MU_METAL_PER_MM = 0.25  # titanium to steel at about 70 keV, NIST XCOM
FULL_DOSE_PHOTONS = 1.0e6  # an element and one of VIEWS views: 2e5 for each of 900 real views, summed
ELECTRONIC_STD_PHOTONS = 25.0  # about 10 for each real view
VIEWS = 180
COARSE = 160  # side on which artefacts are reconstructed
NOISE_COARSE = 128  # side on which line integrals are computed for the noise level
SECTORS = 12  # of directions in the noise
LONGEST_PATH = 9.0  # line integral at which almost no photon arrives
BODY_HU = -300.0  # what is denser is body, not air or lung
REFERENCE_PATH = 5.76  # 30 cm of water
SCATTER_FLOOR = 2.0e-3  # share of photons that arrive by scatter, behind any metal


class RayPaths(NamedTuple):
    """Line integrals through each pixel in ``SECTORS`` directions [..., sectors, rows, columns]; pixel in mm."""

    integrals: Tensor
    spacing_mm: float


class Scan(NamedTuple):
    """Coarse sinograms of B slices: [B, VIEWS, side] in units of -log transmission, and what belongs to them."""

    sinogram: Tensor
    reconstruction: Tensor  # [B, side, side]
    shape: tuple[int, ...]  # of the slices, [..., rows, columns]
    pixel_mm: float  # of the coarse image


def attenuation_of(hounsfield: Tensor, spacing_mm: float) -> Tensor:
    """HU -> attenuation per pixel; nothing is less than air."""
    return (hounsfield.clamp(min=-1000.0) / 1000.0 + 1.0) * (MU_WATER_PER_MM * spacing_mm)


def scan_of(hounsfield: Tensor, spacing_mm: float, *, side: int = COARSE) -> Scan:
    """Project slices [..., rows, columns] on at most ``side`` pixels; about 60 ms each on one core."""
    squares = _squares(hounsfield, -1000.0)
    small = min(side, squares.shape[-1])
    pixel_mm = spacing_mm * squares.shape[-1] / small
    coarse = functional.interpolate(squares[:, None], size=(small, small), mode="area")[:, 0]
    angles = angles_of(VIEWS)
    sinogram = project(attenuation_of(coarse, pixel_mm), angles)
    return Scan(sinogram, reconstruct(sinogram, angles, small), tuple(hounsfield.shape), pixel_mm)


def ray_paths(hounsfield: Tensor, spacing_mm: float) -> RayPaths:
    """Return the line integrals that set the noise of slices [..., rows, columns], capped at photon starvation."""
    squares = _squares(hounsfield, -1000.0)
    batch, side, _ = squares.shape
    small = min(NOISE_COARSE, side)
    coarse = functional.interpolate(squares[:, None], size=(small, small), mode="area")[:, 0]
    angles = _sector_angles(hounsfield.device)
    path = project(attenuation_of(coarse, spacing_mm * side / small), angles)  # [B, sectors, small]
    ticks = torch.arange(small, dtype=torch.float32, device=path.device) - (small - 1) / 2
    place = ticks[None, :, None] * torch.sin(angles)[:, None, None] + ticks * torch.cos(angles)[:, None, None]
    index = (place + (small - 1) / 2).round().long().clamp(0, small - 1)
    smeared = path.gather(2, index.reshape(1, len(angles), -1).expand(batch, -1, -1))
    smeared = smeared.reshape(batch, len(angles), small, small)
    full = functional.interpolate(smeared, size=(side, side), mode="bilinear", align_corners=False)
    *lead, rows, columns = hounsfield.shape
    integrals = full[..., :rows, :columns].clamp(0, LONGEST_PATH)
    return RayPaths(integrals.reshape(*lead, len(angles), rows, columns), spacing_mm)


def beyond_field(paths: RayPaths, hounsfield: Tensor) -> RayPaths:
    """Add what a body attenuates outside a slice that shows a part of it, up to 30 cm of water.

    How much is outside is told by the share of the border that is body. Without it a small field of view would
    hardly lose from a low dose, which no scanner shows.
    """
    ends = hounsfield[..., 0, :], hounsfield[..., -1, :], hounsfield[..., :, 0], hounsfield[..., :, -1]
    share = (torch.cat(ends, dim=-1) > BODY_HU).float().mean(dim=-1)
    missing = share * (REFERENCE_PATH - paths.integrals.amax(dim=(-3, -2, -1))).clamp(min=0)
    return paths._replace(integrals=paths.integrals + missing[..., None, None, None])


def with_dose(hounsfield: Tensor, paths: RayPaths, relative_dose: float, generator: torch.Generator) -> Tensor:
    """Return slices [..., rows, columns] as at ``relative_dose`` (0 < d <= 1) of their own dose.

    Added variance of a line integral p: quantum (1/d - 1) exp(p) / I0, electronic (1/d^2 - 1) s^2 exp(2p) / I0^2
    (Yu et al. 2012, Zeng et al. 2015).
    """
    check_share("relative_dose", relative_dose)
    attenuated = torch.exp(paths.integrals)
    quantum = (1 / relative_dose - 1) / FULL_DOSE_PHOTONS
    electronic = (1 / relative_dose**2 - 1) * (ELECTRONIC_STD_PHOTONS / FULL_DOSE_PHOTONS) ** 2
    variance = quantum * attenuated + electronic * attenuated**2
    return hounsfield + reconstructed_noise(variance, generator) * (1000.0 / (MU_WATER_PER_MM * paths.spacing_mm))


def reconstructed_noise(variance: Tensor, generator: torch.Generator, *, views: int = VIEWS) -> Tensor:
    """Return what filtered back-projection makes of white noise in the sinogram: [..., rows, columns].

    variance: of the line integrals through each pixel, by direction [..., K, rows, columns]. White noise of
    variance v in V views has the spectrum pi v f w(f)^2 / V (Riederer et al., Phys Med Biol 23:446, 1978;
    w is the window of the ramp); each direction of frequency takes the variance of the rays across it.
    """
    *lead, count, rows, columns = variance.shape
    shape = (rows + rows % 2, columns + columns % 2)
    filters = _noise_filters(shape, count, variance.device) / math.sqrt(views)
    size = (*lead, *filters.shape[1:])
    total = torch.zeros(*lead, rows, columns, device=variance.device)
    for index in range(count):
        white = torch.randn(size, generator=generator, dtype=torch.complex64, device=variance.device)
        noise = torch.fft.irfft2(white * filters[index], s=shape, norm="ortho")
        total += variance[..., index, :, :].sqrt() * noise[..., :rows, :columns]
    return total


def with_views(hounsfield: Tensor, views: int, scan: Scan | None = None) -> Tensor:
    """Return the slice as if reconstructed from ``views`` of ``VIEWS`` views: adds the streaks.

    Too few views alias in angle (Kak and Slaney, ch. 5.1).
    """
    check_range("views", views, 1, VIEWS)
    scan = scan or scan_of(hounsfield, 0.7)
    kept = (torch.arange(views) * VIEWS) // views
    few = reconstruct(scan.sinogram[:, kept], angles_of(VIEWS)[kept], scan.reconstruction.shape[-1])
    return hounsfield + _hounsfield_difference(few, scan)


def with_angular_range(hounsfield: Tensor, degrees: float, scan: Scan) -> Tensor:
    """Return the slice as if views had covered ``degrees`` (1..180) only: what the missing wedge leaves.

    Missing views are zero after filtering (Tuy, SIAM J Appl Math 43:546, 1983; Kak and Slaney, ch. 3).
    """
    check_range("degrees", degrees, 1, 180)
    count = max(1, round(VIEWS * degrees / 180))
    side = scan.reconstruction.shape[-1]
    part = reconstruct(scan.sinogram[:, :count], angles_of(VIEWS)[:count], side) * (count / VIEWS)
    return hounsfield + _hounsfield_difference(part, scan)


def with_beam_hardening(hounsfield: Tensor, loss_share: float, scan: Scan) -> Tensor:
    """Shorten line integrals as a hardened beam does: p (1 - loss p / 5.76), a second-order fit.

    loss_share: of the line integral of 30 cm of water, 0..0.6 (Herman, Phys Med Biol 24:81, 1979).
    """
    check_range("loss_share", loss_share, 0, 0.6)
    change = -loss_share * scan.sinogram.clamp(max=LONGEST_PATH) ** 2 / REFERENCE_PATH
    return hounsfield + _difference_of(change, scan)


def with_metal(hounsfield: Tensor, diameter_mm: float, scan: Scan, generator: torch.Generator) -> Tensor:
    """Put a metal rod in the body, at one place in all slices (De Man et al., IEEE TNS 46:691, 1999)."""
    return with_rod(hounsfield, diameter_mm, scan, _place_in_body(scan, generator))


def with_rod(hounsfield: Tensor, diameter_mm: float, scan: Scan, place: tuple[float, float]) -> Tensor:
    """Put a metal rod at ``place`` (x, y in coarse pixels from the centre) and reconstruct what the scanner measures.

    Behind metal almost nothing but scatter arrives: the measured line integral is -log(exp(-p) + floor)
    (De Man et al., IEEE TNS 46:691, 1999).
    """
    check_range("diameter_mm", diameter_mm, 0)
    side = scan.reconstruction.shape[-1]
    x, y = place
    angles = angles_of(VIEWS).to(hounsfield.device)
    ticks = torch.arange(side, dtype=torch.float32, device=hounsfield.device) - (side - 1) / 2
    offset = (ticks[None, :] - (x * torch.cos(angles) + y * torch.sin(angles))[:, None]) * scan.pixel_mm
    metal = MU_METAL_PER_MM * _mean_chord(offset, diameter_mm / 2, scan.pixel_mm)
    true = scan.sinogram + metal
    measured = -torch.log(torch.exp(-true) + SCATTER_FLOOR) + math.log1p(SCATTER_FLOOR)
    harmless = -torch.log(torch.exp(-scan.sinogram) + SCATTER_FLOOR) + math.log1p(SCATTER_FLOOR)
    return hounsfield + _difference_of(measured - harmless, scan)


def with_rings(hounsfield: Tensor, gain_error: float, generator: torch.Generator, spacing_mm: float) -> Tensor:
    """Detector elements with gains that are wrong by a normal ``gain_error`` (share): rings about the centre.

    A wrong gain shifts the line integral by the same amount at every angle (Sijbers and Postnov, Phys Med
    Biol 49:N247, 2004). A tenth of the elements is wrong.
    """
    check_range("gain_error", gain_error, 0, 0.5)
    rows, columns = hounsfield.shape[-2:]
    side = max(rows, columns)
    shift = torch.randn(1, side, generator=generator, device=hounsfield.device) * gain_error
    shift = shift * (torch.rand(1, side, generator=generator, device=hounsfield.device) < 0.1)
    rings = radial_reconstruction(shift, side)[0, :rows, :columns]
    return hounsfield + rings * (1000.0 / (MU_WATER_PER_MM * spacing_mm))


def with_soft_kernel(hounsfield: Tensor, half_mtf_per_cm: float, spacing_mm: float) -> Tensor:
    """Soften by a Gaussian filter that halves the contrast at ``half_mtf_per_cm`` line pairs per cm.

    Reconstruction kernels differ by their frequency response (Kak and Slaney, ch. 3.3).
    """
    check_range("half_mtf_per_cm", half_mtf_per_cm, 0.1)
    frequency = _frequencies(hounsfield) * (10.0 / spacing_mm)  # cycles per cm
    return _spectrally(hounsfield, 0.5 ** ((frequency / half_mtf_per_cm) ** 2))


def with_sharp_kernel(hounsfield: Tensor, edge_gain: float) -> Tensor:
    """Amplify fine detail, and the noise in it, as a bone or lung kernel does.

    The response rises from 1 at frequency 0 to ``edge_gain`` at half the Nyquist frequency, and stays: kernels differ
    by their frequency response (Kak and Slaney, ch. 3.3).
    """
    check_range("edge_gain", edge_gain, 1)
    share = (_frequencies(hounsfield) / 0.25).clamp(max=1.0)
    return _spectrally(hounsfield, 1 + (edge_gain - 1) * torch.sin(share * math.pi / 2) ** 2)


def _frequencies(pixels: Tensor) -> Tensor:
    """Radial frequency in cycles per pixel of ``rfft2``."""
    rows, columns = pixels.shape[-2:]
    along = torch.fft.fftfreq(rows, device=pixels.device)
    return torch.hypot(along[:, None], torch.fft.rfftfreq(columns, device=pixels.device)[None, :])


def _spectrally(pixels: Tensor, response: Tensor) -> Tensor:
    result: Tensor = torch.fft.irfft2(torch.fft.rfft2(pixels) * response, s=pixels.shape[-2:])
    return result


def _difference_of(change: Tensor, scan: Scan) -> Tensor:
    """Reconstruct a change of the sinogram from every second view -> HU [..., rows, columns]."""
    part = reconstruct(change[:, ::2], angles_of(VIEWS)[::2], scan.reconstruction.shape[-1])
    return _resized(part, scan)


def _hounsfield_difference(reconstruction: Tensor, scan: Scan) -> Tensor:
    return _resized(reconstruction - scan.reconstruction, scan)


def _resized(attenuation: Tensor, scan: Scan) -> Tensor:
    """Coarse attenuation per pixel [B, side, side] -> HU on the pixels of the slices."""
    rows, columns = scan.shape[-2:]
    side = max(rows, columns)
    full = functional.interpolate(attenuation[:, None], size=(side, side), mode="bilinear", align_corners=False)
    return (full[:, 0, :rows, :columns] * (1000.0 / (MU_WATER_PER_MM * scan.pixel_mm))).reshape(scan.shape)


def _place_in_body(scan: Scan, generator: torch.Generator) -> tuple[float, float]:
    """Return (x, y) from the centre in coarse pixels: a random pixel denser than fat in all slices, else near it."""
    side = scan.reconstruction.shape[-1]
    body = torch.nonzero((scan.reconstruction > 0.85 * MU_WATER_PER_MM * scan.pixel_mm).all(dim=0))
    if len(body) == 0:
        return uniform(generator, -side / 8, side / 8), uniform(generator, -side / 8, side / 8)
    y, x = body[int(uniform(generator, 0, len(body) - 1))].tolist()
    return x - (side - 1) / 2, y - (side - 1) / 2


def _mean_chord(offset_mm: Tensor, radius_mm: float, width_mm: float, *, samples: int = 4) -> Tensor:
    """Chord of a disc, averaged over an element of ``width_mm``."""
    parts = (torch.arange(samples, device=offset_mm.device) + 0.5) / samples - 0.5
    moved = offset_mm[..., None] + parts * width_mm
    return 2 * torch.sqrt((radius_mm**2 - moved**2).clamp(min=0)).mean(-1)


def _sector_angles(device: torch.device) -> Tensor:
    return (torch.arange(SECTORS, dtype=torch.float32, device=device) + 0.5) * (math.pi / SECTORS)


def _noise_filters(shape: tuple[int, int], sectors: int, device: torch.device) -> Tensor:
    """Square root of the spectrum of each wedge of directions: [sectors, rows, columns // 2 + 1]."""
    along = torch.fft.fftfreq(shape[0], device=device)[:, None]
    across = torch.fft.rfftfreq(shape[1], device=device)[None, :]
    radius = torch.hypot(along, across)
    amplitude = torch.sqrt(math.pi * radius) * hann(radius)
    wedge = (torch.remainder(torch.atan2(along, across), math.pi) * (sectors / math.pi)).long().clamp(max=sectors - 1)
    return torch.stack([amplitude * (wedge == index) for index in range(sectors)])


def _squares(pixels: Tensor, fill: float) -> Tensor:
    """[..., rows, columns] -> [B, side, side], filled up below or on the right."""
    rows, columns = pixels.shape[-2:]
    side = max(rows, columns)
    return functional.pad(pixels.reshape(-1, rows, columns), (0, side - columns, 0, side - rows), value=fill)
