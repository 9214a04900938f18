"""Predicted physical parameters for people: their units, and a few words. No torch."""

from __future__ import annotations

from collections.abc import Callable

UNITS = (
    ("_mm", "mm"), ("_px", "pixels"), ("_hu", "HU"), ("_mas", "mAs"), ("_kv", "kV"), ("_s", "s"), ("_t", "T"),
    ("_db", "dB"), ("_percent", "%"), ("_px_of_256", "pixels of 256"), ("_share", "of all"),
    ("_sigma_px", "pixels"), ("_count", ""),
)  # fmt: skip


def unit_of(parameter: str) -> str:
    """Return the unit that a parameter's name ends in; relative and dimensionless ones have none."""
    return _end_and_unit(parameter)[1]


def in_words(parameter: str, value: float, say: Callable[[str], str] = str) -> str:
    """Return "slice thickness 3.9 mm" for ``slice_thickness_mm``, "40 % of the dose" for ``relative_dose``.

    say: turns an English name, and "%(share)s of the %(what)s", into another language.
    """
    if parameter.startswith("relative_"):
        what = say(_spaced(parameter.removeprefix("relative_")))
        return say("%(share)s of the %(what)s") % {"share": f"{100 * value:.0f} %", "what": what}
    end, unit = _end_and_unit(parameter)
    name = say(_spaced(parameter.removesuffix(end)))
    if end == "_share":
        return f"{name} {100 * value:.1f} %"
    return f"{name} {value:.3g} {say(unit) if unit else ''}".rstrip()


def _end_and_unit(parameter: str) -> tuple[str, str]:
    ends = sorted((one for one in UNITS if parameter.endswith(one[0])), key=lambda one: -len(one[0]))
    return ends[0] if ends else ("", "")


def _spaced(name: str) -> str:
    return name.replace("_", " ")
