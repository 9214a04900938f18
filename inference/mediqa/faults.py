"""The faults of images, the physical parameter that tells how severe each is, and both in words. No torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

Say = Callable[[str], str]

UNITS = (
    ("_mm", "mm"), ("_px", "pixels"), ("_px_of_256", "pixels of 256"), ("_db", "dB"), ("_deg", "degrees"),
    ("_stops", "stops"), ("_per_cm", "1/cm"), ("_share", "of all"), ("_share_of_peak", "of the peak"),
)  # fmt: skip
SEEN_FROM = 0.1
DEGREES = ((0.65, "severe"), (0.35, "marked"), (SEEN_FROM, "slight"))  # from this severity on
WITH_DEGREE = "%(fault)s, %(degree)s (%(measure)s)"


class Curve(Protocol):
    """What a parameter is at a severity of 0 (changes nothing) to 1 (hardly readable), and back."""

    def at(self, severity: float) -> float: ...

    def severity_of(self, value: float) -> float: ...


@dataclass(frozen=True)
class Linear:
    """none + (worst - none) s^exponent."""

    none: float
    worst: float
    exponent: float = 1.0

    def at(self, severity: float) -> float:
        return float(self.none + (self.worst - self.none) * severity**self.exponent)

    def severity_of(self, value: float) -> float:
        return float(_clipped((value - self.none) / (self.worst - self.none)) ** (1 / self.exponent))


@dataclass(frozen=True)
class Geometric:
    """none (worst / none)^s: for dose, views and counts, which are perceived by their logarithm."""

    none: float
    worst: float

    def at(self, severity: float) -> float:
        return float(self.none * (self.worst / self.none) ** severity)

    def severity_of(self, value: float) -> float:
        return _clipped(math.log(max(value, 1e-9) / self.none) / math.log(self.worst / self.none))


@dataclass(frozen=True)
class Fault:
    """A fault as people call it, its parameter as they measure it, and how the parameter moves with severity."""

    name: str
    measure: str
    curve: Curve


# By the parameter's name; shares and what is relative are told in per cent.
FAULTS: Mapping[str, Fault] = {
    "added_slice_thickness_mm": Fault("thick slices", "%(value)s mm added", Linear(0, 12)),
    "blur_sigma_px": Fault("blur", "by %(value)s pixels", Linear(0, 3)),
    "penumbra_px": Fault("focal-spot blur", "penumbra of %(value)s pixels", Linear(1, 10)),
    "defocus_radius_px": Fault("defocus", "by %(value)s pixels", Linear(0, 7)),
    "exposure_error_stops": Fault("wrong exposure", "by %(value)s stops", Linear(0, 3.5)),
    "light_drop_share": Fault("uneven light", "falls by %(value)s", Linear(0, 0.98)),
    "scatter_to_primary": Fault("scatter", "%(value)s times the primary radiation", Linear(0, 6)),
    "grid_contrast_share": Fault("grid lines", "contrast of %(value)s", Linear(0, 0.25, 1.5)),
    "view_share": Fault("too few views", "%(value)s of the views", Geometric(1, 1 / 12)),
    "angular_range_deg": Fault("missing angle", "%(value)s of 180 degrees", Linear(180, 70)),
    "hardening_loss_share": Fault("beam hardening", "%(value)s of the attenuation lost", Linear(0, 0.35)),
    "metal_diameter_mm": Fault("metal streaks", "as of %(value)s mm of metal", Linear(0, 9)),
    "detector_gain_error_share": Fault("rings", "detector gain off by %(value)s", Linear(0, 0.05, 1.5)),
    "sensitivity_drop_share": Fault("uneven signal", "falls by %(value)s", Linear(0, 0.9)),
    "field_of_view_share": Fault("wrap-around", "field of view %(value)s of the body", Linear(1, 0.55)),
    "motion_px_of_256": Fault("motion", "by %(value)s of 256 pixels", Linear(0, 6)),
    "line_phase_error_deg": Fault("ghosting", "phase error of %(value)s degrees", Linear(0, 70)),
    "spike_share_of_peak": Fault("spikes", "%(value)s of the peak of k-space", Linear(0, 0.8, 1.5)),
    "kspace_share": Fault("undersampling", "%(value)s of k-space measured", Linear(1, 0.15)),
    "kspace_extent_share": Fault("truncation", "%(value)s of the extent of k-space", Linear(1, 0.2)),
    "acceleration_factor": Fault("noise of acceleration", "factor %(value)s", Linear(1, 6)),
    "relative_averages": Fault("noise", "as with %(value)s of the averages", Geometric(1, 1 / 600)),
    "relative_dose": Fault("low dose", "%(value)s of the dose", Geometric(1, 0.02)),
    "kernel_half_mtf_per_cm": Fault("soft kernel", "half the contrast at %(value)s per cm", Geometric(12, 1.2)),
    "kernel_edge_gain": Fault("sharp kernel", "edges %(value)s times as strong", Linear(1, 6)),
    "saturated_share": Fault("saturation", "%(value)s of the range cut off", Linear(0, 0.6)),
    "uncompensated_attenuation_db": Fault("fading with depth", "by %(value)s dB", Linear(0, 50)),
    "shadow_db": Fault("shadow", "%(value)s dB", Linear(0, 45)),
    "speckle_contrast_share": Fault("speckle", "contrast of %(value)s", Linear(0, 1)),
    "gain_error_db": Fault("wrong gain", "by %(value)s dB", Linear(0, 32)),
    "relative_counts": Fault("few counts", "%(value)s of the counts", Geometric(1, 0.01)),
    "iterations_count": Fault("too few iterations", "%(value)s iterations", Geometric(40, 1)),
    "post_filter_fwhm_mm": Fault("smoothing", "filter of %(value)s mm", Linear(0, 20)),
    "noise_share": Fault("noise", "%(value)s of the range", Linear(0, 0.25, 1.5)),
    "jpeg_quality": Fault("compression", "JPEG quality %(value)s", Geometric(95, 4)),
}


@dataclass(frozen=True)
class SeenFault:
    """In words, "motion, marked (by 3.1 of 256 pixels)", with its severity 0..1."""

    words: str
    severity: float


@dataclass(frozen=True)
class Faults:
    """Those that are seen, the most severe first, and the names of those of which there is hardly anything."""

    seen: tuple[SeenFault, ...]
    absent: tuple[str, ...]


def faults_of(physical: Mapping[str, float], say: Say = str) -> Faults:
    """Return predicted physical parameters in words; what no fault is told by, as in older Predictions, is left out.

    say: turns a name or a pattern ("%(value)s of the dose") into another language.
    """
    severities = {name: FAULTS[name].curve.severity_of(value) for name, value in physical.items() if name in FAULTS}
    ranked = sorted(severities, key=lambda name: -severities[name])
    seen = [name for name in ranked if severities[name] >= SEEN_FROM]
    return Faults(
        seen=tuple(
            SeenFault(_in_words(name, physical[name], severities[name], say), severities[name]) for name in seen
        ),
        absent=tuple(say(FAULTS[name].name) for name in ranked[len(seen) :]),
    )


def unit_of(parameter: str) -> str:
    """Return the unit that a parameter's name ends in; relative and dimensionless ones have none."""
    ends = sorted((one for one in UNITS if parameter.endswith(one[0])), key=lambda one: -len(one[0]))
    return ends[0][1] if ends else ""


def _in_words(parameter: str, value: float, severity: float, say: Say) -> str:
    fault = FAULTS[parameter]
    degree = next(word for start, word in DEGREES if severity >= start)
    measure = say(fault.measure) % {"value": _number(parameter, value)}
    return say(WITH_DEGREE) % {"fault": say(fault.name), "degree": say(degree), "measure": measure}


def _number(parameter: str, value: float) -> str:
    is_share = "_share" in parameter or parameter.startswith("relative_")
    number = 100 * value if is_share else value
    return f"{number:.{0 if abs(number) >= 10 else 1}f}" + (" %" if is_share else "")


def _clipped(share: float) -> float:
    return min(max(share, 0.0), 1.0)
