"""What lay beside a case when its Reading was submitted, as far as who looks at it now may see it."""

from __future__ import annotations

from typing import Any

from annotations.models import AnchorImage, ProjectImage, Reading, User, has_nothing_left_of
from annotations.services.cases import picture_of


def shown_state(reading: Reading) -> dict[str, Any]:
    """The display state for the page, without what was compared: whoever looks may have to judge that yet."""
    left_out = ("compared", "planes")
    state = {name: value for name, value in reading.display_state.items() if name not in left_out}
    return state | ({"planes": reading.planes} if reading.planes else {})


def beside_of(reading: Reading, *, viewer: User) -> dict[str, Any] | None:
    """The image that was still there at submission, as the viewer draws it, and how it stood (`display`, may be None).

    The client named it, so nothing is taken for granted: None where there was none, where it is none of the Project's
    or of the kind that it is said to be, and where blinding keeps it from the `viewer`. See docs/architecture.md.
    """
    told = reading.beside
    if told is None or type(told.get("image")) is not int:
        return None
    found = _anchor(reading, told, viewer) if told["kind"] == "anchor" else _prior(reading, told, viewer)
    display = told.get("display")
    return found and {"kind": told["kind"], "display": display if isinstance(display, dict) else None, **found}


def _anchor(reading: Reading, told: dict[str, Any], viewer: User) -> dict[str, Any] | None:
    """Also one that was taken away since: the reader saw it."""
    visible = AnchorImage.objects.visible_to(viewer).filter(project=reading.project_id, image=told["image"])
    for anchor in visible.select_related("criterion", "image__series__study"):
        if (anchor.criterion.key, anchor.value) == (told.get("criterion"), told.get("value")):
            return {"question": anchor.criterion.question, "value": anchor.value, **picture_of(anchor.image)}
    return None


def _prior(reading: Reading, told: dict[str, Any], viewer: User) -> dict[str, Any] | None:
    """What the viewer is still to judge they do not see before, as in the reading room."""
    study = reading.image.series.study
    if study.study_date is None or not study.patient_key:
        return None
    visible = ProjectImage.objects.filter(
        has_nothing_left_of(viewer),
        project=reading.project_id,
        image=told["image"],
        image__series__study__patient_key=study.patient_key,
        image__series__study__study_date__lt=study.study_date,
    )
    row = visible.select_related("image__series__study").first()
    return {"date": row.image.series.study.study_date, **picture_of(row.image)} if row else None
