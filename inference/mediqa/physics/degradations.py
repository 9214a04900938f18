"""The registry: which degradation fits which modality, and in what order they come about.

What a severity of 0 to 1 means physically stands in `inference.mediqa.faults`, which tells predicted ones, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from inference.mediqa.faults import FAULTS
from inference.mediqa.physics import ct, emission, generic, mr, photo, projection, ultrasound, volume
from inference.mediqa.physics.subject import Subject

Apply = Callable[[Tensor, Subject, float, torch.Generator], Tensor]
MR_NOISE_SHARE = 0.01  # of the visible range: the noise of a good image


@dataclass(frozen=True)
class Degradation:
    """One kind: ``apply(pixels, subject, parameter, generator)``; the parameter is that of a fault in ``FAULTS``.

    modalities: words of the prompt; empty means all but those of ``excluded``. needs_neighbours: only slices
    with near neighbours can be degraded so. is_one_for_all: what is drawn lies in the body or the machine, the same for
    all slices of a stack; else each slice has a draw of its own.
    """

    name: str
    parameter_name: str
    apply: Apply
    modalities: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()
    needs_neighbours: bool = False
    is_one_for_all: bool = False

    def parameter(self, severity: float) -> float:
        """Return the physical parameter at a severity of 0..1."""
        return FAULTS[self.parameter_name].curve.at(severity)

    def fits(self, modality: str) -> bool:
        """Tell whether this kind exists in the modality."""
        if self.modalities:
            return modality in self.modalities
        return modality not in self.excluded


def _ct_dose(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return ct.with_dose(pixels, subject.paths(), parameter, generator)


def _dose(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    if subject.modality == "CT":
        return _ct_dose(pixels, subject, parameter, generator)
    return projection.with_exposure(pixels, parameter, generator, is_inverted=subject.is_inverted)


def _views(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return ct.with_views(pixels, max(1, round(parameter * ct.VIEWS)), subject.scan())


def _angle(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return ct.with_angular_range(pixels, parameter, subject.scan())


def _hardening(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return ct.with_beam_hardening(pixels, parameter, subject.scan())


def _metal(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return ct.with_metal(pixels, parameter, subject.scan(), generator)


def _rings(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return ct.with_rings(pixels, parameter, generator, subject.spacing_mm)


def _soft_kernel(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return ct.with_soft_kernel(pixels, parameter, subject.spacing_mm)


def _sharp_kernel(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return ct.with_sharp_kernel(pixels, parameter)


def _thickness(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    slices, offsets_mm = subject.slab()
    thickness_mm = volume.apart_mm(offsets_mm) + parameter
    change = volume.with_thickness(slices, offsets_mm, thickness_mm) - subject.pixels
    return pixels + change


def _rician(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    sigma = mr.added_sigma(MR_NOISE_SHARE * subject.span, parameter)
    return mr.with_rician_noise(pixels.clamp(min=0), sigma, generator)


def _acceleration(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return mr.with_acceleration(pixels.clamp(min=0), parameter, MR_NOISE_SHARE * subject.span, generator)


def _undersampling(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return mr.with_undersampling(pixels, parameter, generator)


def _motion(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return mr.with_motion(pixels, parameter * pixels.shape[-2] / 256, generator)


def _ghost(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return mr.with_ghost(pixels, parameter)


def _spike(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return mr.with_spike(pixels, parameter, generator)


def _bias(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return mr.with_bias_field(pixels, parameter, generator)


def _gibbs(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return mr.with_truncation(pixels, parameter)


def _wrap(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return mr.with_wrap(pixels, parameter)


def _scatter(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return projection.with_scatter(pixels, parameter, is_inverted=subject.is_inverted)


def _focal_spot(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return projection.with_focal_blur(pixels, parameter)


def _grid(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return projection.with_grid_lines(pixels, parameter, generator)


def _saturation(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return projection.with_saturation(pixels, parameter)


def _speckle(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return ultrasound.with_speckle(pixels, parameter, generator, subject.low, subject.high)


def _shadow(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return ultrasound.with_shadow(pixels, parameter, generator, subject.low, subject.high)


def _gain(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return ultrasound.with_gain(pixels, _signed(parameter, generator), subject.low, subject.high)


def _attenuation(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return ultrasound.with_attenuation(pixels, parameter, subject.low, subject.high)


def _counts(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return emission.with_counts(pixels, parameter, generator, subject.high)


def _iterations(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return emission.with_iterations(pixels, round(parameter))


def _post_filter(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return emission.with_post_filter(pixels, parameter, subject.spacing_mm)


def _defocus(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return photo.with_defocus(pixels, parameter)


def _exposure(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return photo.with_exposure_error(pixels, _signed(parameter, generator), subject.low, subject.high)


def _illumination(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return photo.with_uneven_light(pixels, parameter, generator, subject.low, subject.high)


def _blur(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return generic.with_blur(pixels, parameter)


def _noise(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return generic.with_gaussian_noise(pixels, parameter * subject.span, generator)


def _coding(pixels: Tensor, subject: Subject, parameter: float, generator: torch.Generator) -> Tensor:
    return generic.with_block_coding(pixels, parameter, subject.low, subject.high)


def _signed(value: float, generator: torch.Generator) -> float:
    return value if generic.uniform(generator, 0, 1) < 0.5 else -value


_X_RAYS = frozenset({"CT", "XR", "MG", "XA"})
_PROJECTION = frozenset({"XR", "MG", "XA"})
_CT, _MR, _US = frozenset({"CT"}), frozenset({"MR"}), frozenset({"US"})
_EMISSION, _PHOTO = frozenset({"PT", "NM"}), frozenset({"OP"})
# In the order of acquisition: the body, the beam or the lines of k-space, counting, reconstruction, storage.
DEGRADATIONS: tuple[Degradation, ...] = (
    Degradation("thickness", "added_slice_thickness_mm", _thickness, _CT | _MR | {"PT"}, needs_neighbours=True),
    Degradation("blur", "blur_sigma_px", _blur, excluded=_X_RAYS | _EMISSION | _PHOTO),
    Degradation("focal_spot", "penumbra_px", _focal_spot, _PROJECTION),
    Degradation("defocus", "defocus_radius_px", _defocus, _PHOTO),
    Degradation("exposure", "exposure_error_stops", _exposure, _PHOTO),
    Degradation("illumination", "light_drop_share", _illumination, _PHOTO),
    Degradation("scatter", "scatter_to_primary", _scatter, _PROJECTION),
    Degradation("grid_lines", "grid_contrast_share", _grid, _PROJECTION),
    Degradation("sparse_view", "view_share", _views, _CT),
    Degradation("limited_angle", "angular_range_deg", _angle, _CT),
    Degradation("beam_hardening", "hardening_loss_share", _hardening, _CT),
    Degradation("metal", "metal_diameter_mm", _metal, _CT, is_one_for_all=True),
    Degradation("ring", "detector_gain_error_share", _rings, _CT, is_one_for_all=True),
    Degradation("bias_field", "sensitivity_drop_share", _bias, _MR, is_one_for_all=True),
    Degradation("wrap", "field_of_view_share", _wrap, _MR),
    Degradation("motion", "motion_px_of_256", _motion, _MR),
    Degradation("ghosting", "line_phase_error_deg", _ghost, _MR),
    Degradation("spikes", "spike_share_of_peak", _spike, _MR),
    Degradation("undersampling", "kspace_share", _undersampling, _MR),
    Degradation("gibbs", "kspace_extent_share", _gibbs, _MR),
    Degradation("acceleration", "acceleration_factor", _acceleration, _MR),
    Degradation("rician", "relative_averages", _rician, _MR),
    Degradation("dose", "relative_dose", _dose, _X_RAYS),
    Degradation("soft_kernel", "kernel_half_mtf_per_cm", _soft_kernel, _CT),
    Degradation("sharp_kernel", "kernel_edge_gain", _sharp_kernel, _CT),
    Degradation("saturation", "saturated_share", _saturation, _PROJECTION),
    Degradation("attenuation", "uncompensated_attenuation_db", _attenuation, _US),
    Degradation("shadow", "shadow_db", _shadow, _US),
    Degradation("speckle", "speckle_contrast_share", _speckle, _US),
    Degradation("gain", "gain_error_db", _gain, _US),
    Degradation("counts", "relative_counts", _counts, _EMISSION),
    Degradation("iterations", "iterations_count", _iterations, _EMISSION),
    Degradation("post_filter", "post_filter_fwhm_mm", _post_filter, _EMISSION),
    Degradation("noise", "noise_share", _noise, excluded=_X_RAYS | _EMISSION | _MR | _US),
    Degradation("coding", "jpeg_quality", _coding),
)
KINDS: tuple[str, ...] = tuple(kind.name for kind in DEGRADATIONS)
BY_NAME: Mapping[str, Degradation] = {kind.name: kind for kind in DEGRADATIONS}


def degrade(subject: Subject, severities: Mapping[str, float], generator: torch.Generator) -> Tensor:
    """Apply kinds in the order of acquisition; [rows, columns].

    Raises KeyError for an unknown kind, and ValueError for one that the modality does not know or that needs
    neighbours which the slice has not.
    """
    return degrade_stack((subject,), severities, generator, generator)[0]


def degrade_stack(
    subjects: Sequence[Subject], severities: Mapping[str, float], generator: torch.Generator, others: torch.Generator
) -> list[Tensor]:
    """Apply kinds in the order of acquisition to slices beside each other, alike severe: of each [rows, columns].

    The first draws from ``generator``, as it would alone, and those beside it from ``others``. Raises as ``degrade``.
    """
    own, *beside = subjects
    stack = [subject.pixels for subject in subjects]
    for name in sorted(severities, key=lambda name: KINDS.index(BY_NAME[name].name)):
        kind = BY_NAME[name]
        if not kind.fits(own.modality):
            raise ValueError(f"{name} does not exist in {own.modality}.")
        if severities[name] <= 0:
            continue
        parameter, before = kind.parameter(severities[name]), generator.get_state()
        stack[0] = kind.apply(stack[0], own, parameter, generator)
        for place, subject in enumerate(beside, start=1):
            drawn = _again(generator, before) if kind.is_one_for_all else others
            stack[place] = kind.apply(stack[place], subject, parameter, drawn)
    return stack


def _again(generator: torch.Generator, state: Tensor) -> torch.Generator:
    """Return a generator that draws once more what this one drew from ``state`` on."""
    again = torch.Generator(generator.device)
    again.set_state(state)
    return again


def kinds_for(subject: Subject) -> tuple[str, ...]:
    """Return the kinds that this slice can be degraded by."""
    return tuple(
        kind.name
        for kind in DEGRADATIONS
        if kind.fits(subject.modality) and (subject.has_neighbours or not kind.needs_neighbours)
    )


def physical_parameters(severities: Mapping[str, float], modality: str) -> dict[str, float]:
    """Name predicted severities as physical parameters: those of known kinds that exist in the modality."""
    return {
        BY_NAME[name].parameter_name: BY_NAME[name].parameter(min(max(value, 0.0), 1.0))
        for name, value in severities.items()
        if name in BY_NAME and BY_NAME[name].fits(modality)
    }
