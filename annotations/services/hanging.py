"""How a case is first shown: as the Project's manager set it for its modality and view, or as the reader keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from annotations.errors import BadHanging
from annotations.models import Hanging, Image, Project
from annotations.models.hanging import Fit, HungWindow, Layout, OpeningSlice, Rotation
from annotations.services.priors import view_of

# What can be set, and to what; the first is what holds where nobody set anything.
CHOICES: Mapping[str, tuple[object, ...]] = {
    "layout": tuple(Layout.values),
    "window": tuple(HungWindow.values),
    "fit": tuple(Fit.values),
    "first_slice": tuple(OpeningSlice.values),
    "rotation": tuple(Rotation.values),
    "is_flipped_horizontally": (False, True),
    "is_flipped_vertically": (False, True),
}
MOST_KEPT = 200
LONGEST_NAME = 140


def hanging_of(image: Image, project: Project) -> dict[str, Any]:
    """`name` says what a reader's own hanging is kept under; the rest is the Project's, of its most specific line."""
    modality, view = image.series.modality, view_of(image).upper()
    lines = {(line.modality, line.view): line for line in project.hangings.all()}
    wanted = ((modality, view), (modality, ""), ("", view), ("", ""))
    line = next((lines[key] for key in wanted if key in lines), Hanging())
    return {"name": f"{project.slug}/{modality}/{view}"} | {field: getattr(line, field) for field in CHOICES}


def check_hangings(hangings: Mapping[str, Any]) -> None:
    """Raises BadHanging for what a reader cannot keep; says which value is wrong and what may be."""
    if len(hangings) > MOST_KEPT:
        raise BadHanging(_("No more than %(most)s ways to hang can be kept.") % {"most": MOST_KEPT})
    for name, hanging in hangings.items():
        if len(name) > LONGEST_NAME or not isinstance(hanging, Mapping):
            raise BadHanging(_("“%(name)s” is no way to hang an image.") % {"name": name[:LONGEST_NAME]})
        if wrong := sorted(set(hanging) ^ set(CHOICES)):
            raise BadHanging(
                _("A way to hang an image names each of %(fields)s; not so: %(wrong)s.")
                % {"fields": ", ".join(CHOICES), "wrong": ", ".join(wrong)}
            )
        for field, value in hanging.items():
            _check_value(field, value)


def _check_value(field: str, value: object) -> None:
    # True is 1 for Python, and neither is a way to turn an image.
    if not any(type(value) is type(choice) and value == choice for choice in CHOICES[field]):
        offered = ", ".join(repr(choice) for choice in CHOICES[field])
        raise BadHanging(
            _("%(field)s can't be %(value)s; it is one of: %(offered)s.")
            % {"field": field, "value": repr(value), "offered": offered}
        )
