"""The registry: which degradation fits which modality, and what its continuous severity means physically.

Severity 0 changes nothing and 1 is hardly readable; between them the physical parameter moves on the scale
on which it is perceived (dose and views by their logarithm). A parameter can be named back from a severity,
so that a predicted severity reads "as if at 40 % of the dose".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from inference.mediqa.physics import ct, generic, mr, projection


@dataclass
class Subject:
    """A slice to be degraded: [rows, columns] in modality units; keeps what is dear to compute."""

    pixels: Tensor
    modality: str
    is_inverted: bool = False
    spacing_mm: float = 0.7
    low: float = 0.0  # the range that matters on a screen
    high: float = 1.0
    _basis: ct.NoiseBasis | None = field(default=None, repr=False)

    def noise_basis(self, generator: torch.Generator) -> ct.NoiseBasis:
        if self._basis is None:
            self._basis = ct.noise_basis(self.pixels, generator, spacing_mm=self.spacing_mm)
        return self._basis

    @property
    def span(self) -> float:
        return max(self.high - self.low, 1e-6)


Apply = Callable[[Tensor, Subject, float, torch.Generator], Tensor]


@dataclass(frozen=True)
class Degradation:
    """One kind: ``apply(pixels, subject, parameter, generator)``; ``parameter`` maps severity to physics.

    modalities: words of the prompt; empty means all but those of ``excluded``.
    """

    name: str
    parameter_name: str
    parameter: Callable[[float], float]
    apply: Apply
    modalities: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()

    def fits(self, modality: str) -> bool:
        """Tell whether this kind exists in the modality."""
        if self.modalities:
            return modality in self.modalities
        return modality not in self.excluded


def _dose(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    if subject.modality == "CT":
        return ct.with_dose(pixels, subject.noise_basis(generator), parameter)
    return projection.with_exposure(pixels, parameter, generator, is_inverted=subject.is_inverted)


def _views(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return ct.with_views(pixels, max(1, round(parameter * ct.VIEWS)))


def _blur(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return generic.with_blur(pixels, parameter)


def _rician(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return mr.with_rician_noise(pixels.clamp(min=0), parameter * subject.span, generator)


def _undersampling(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return mr.with_undersampling(pixels, parameter, generator)


def _motion(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return mr.with_motion(pixels, parameter * pixels.shape[0] / 256, generator)


def _noise(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    if subject.modality == "US":
        return generic.with_speckle(pixels, 3 * parameter, generator)
    return generic.with_gaussian_noise(pixels, parameter * subject.span, generator)


def _coding(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return generic.with_block_coding(pixels, parameter, subject.low, subject.high)


_X_RAYS = frozenset({"CT", "XR", "MG", "XA"})
DEGRADATIONS: tuple[Degradation, ...] = (
    Degradation("dose", "relative_dose", lambda s: float(10 ** (-1.7 * s)), _dose, _X_RAYS),
    Degradation("sparse_view", "view_share", lambda s: float(12**-s), _views, frozenset({"CT"})),
    Degradation("blur", "blur_sigma_px", lambda s: 3.0 * s, _blur),
    Degradation("rician", "noise_share", lambda s: 0.25 * s**1.5, _rician, frozenset({"MR"})),
    Degradation("undersampling", "kspace_share", lambda s: 1 - 0.85 * s, _undersampling, frozenset({"MR"})),
    Degradation("motion", "motion_px_of_256", lambda s: 6.0 * s, _motion, frozenset({"MR"})),
    Degradation("noise", "noise_share", lambda s: 0.25 * s**1.5, _noise, excluded=_X_RAYS | {"MR"}),
    Degradation("coding", "jpeg_quality", lambda s: 95.0 * (4 / 95) ** s, _coding),
)
KINDS: tuple[str, ...] = tuple(kind.name for kind in DEGRADATIONS)
BY_NAME: Mapping[str, Degradation] = {kind.name: kind for kind in DEGRADATIONS}


def degrade(subject: Subject, severities: Mapping[str, float], generator: torch.Generator) -> Tensor:
    """Apply kinds in the order of acquisition (views, motion, dose ... coding last); [rows, columns].

    Raises KeyError for an unknown kind and ValueError for one that the modality does not know.
    """
    pixels = subject.pixels
    for name in sorted(severities, key=ORDER.index):
        kind = BY_NAME[name]
        if not kind.fits(subject.modality):
            raise ValueError(f"{name} does not exist in {subject.modality}.")
        if severities[name] > 0:
            pixels = kind.apply(pixels, subject, kind.parameter(severities[name]), generator)
    return pixels


ORDER = ("blur", "sparse_view", "motion", "undersampling", "dose", "rician", "noise", "coding")


def physical_parameters(severities: Mapping[str, float], modality: str) -> dict[str, float]:
    """Name predicted severities as physical parameters, those that exist in the modality."""
    return {
        BY_NAME[name].parameter_name: BY_NAME[name].parameter(min(max(value, 0.0), 1.0))
        for name, value in severities.items()
        if BY_NAME[name].fits(modality)
    }
