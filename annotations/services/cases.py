"""What a reader is given to read: an Image, how to show it, and the Rubric. Never why it was chosen."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from annotations.errors import NoRubric
from annotations.models import AnchorImage, Assignment, Criterion, Image, Instance, Rubric, User
from annotations.services.hanging import hanging_of
from annotations.services.priors import prior_of


def case_of(assignment: Assignment, *, reader: User) -> dict[str, Any]:
    """Everything the reading page needs for one case, as JSON. See docs/architecture.md, Blinding.

    `reader` is who looks at it: anchor images are left out that they are to judge themselves elsewhere.

    Raises:
        NoRubric: the Project has none.
    """
    rubric = Rubric.objects.current(assignment.project)
    if rubric is None:
        raise NoRubric
    return {
        "assignment": str(assignment.pk),
        "lease_expires_at": assignment.lease_expires_at,
        **picture_of(assignment.image),
        "rubric": {
            "id": rubric.pk,
            "version": rubric.version,
            "finding_types": rubric.finding_types,
            "criteria": [_criterion(criterion, reader) for criterion in rubric.criteria.select_related("rubric")],
        },
        "prior": _prior(assignment, reader),
        "hanging": hanging_of(assignment.image, assignment.project),
    }


def _prior(assignment: Assignment, reader: User) -> dict[str, Any] | None:
    prior = prior_of(assignment, reader=reader)
    if prior is None:
        return None
    url = reverse("assignment-prior", kwargs={"pk": assignment.pk})
    return {"image": prior.pk, "url": url, "date": prior.series.study.study_date}


def picture_of(image: Image) -> dict[str, Any]:
    """An Image with what the viewer needs to draw it, and nothing that was said of it.

    `instances`: DICOM JSON of each Instance, once however many frames it has; `overlays`: of those that have any.
    """
    instances = Instance.objects.filter(pk__in=image.slices.values("instance"))
    found = list(instances.values_list("sop_instance_uid", "metadata", "overlays"))
    overlays = {uid: drawn for uid, _metadata, drawn in found if drawn}
    return {
        "image": _image(image) | {"overlays": overlays},
        "instances": {uid: metadata for uid, metadata, _drawn in found},
    }


def _image(image: Image) -> dict[str, Any]:
    spacing = (image.slice_spacing_mm, image.row_spacing_mm, image.column_spacing_mm)
    return {
        "id": image.pk,
        "dimension": image.dimension,
        "modality": image.series.modality,
        "title": " · ".join(filter(None, (image.series.modality, image.series.description))),
        "frames": [_frame(image, uid, frame_number) for uid, frame_number in _slices(image)],
        "frame_seconds": image.frame_seconds,
        "windows": image.windows,
        "is_inverted": image.is_inverted,
        "spacing_mm": list(spacing) if None not in spacing[1:] else None,
    }


def _slices(image: Image) -> QuerySet[Any, tuple[str, int]]:
    """SOP Instance UID and frame number in the order of the stack; not the Instances, whose JSON is long."""
    return image.slices.order_by("index").values_list("instance__sop_instance_uid", "frame_number")


def _frame(image: Image, sop_instance_uid: str, frame_number: int) -> dict[str, Any]:
    study_uid = image.series.study.study_instance_uid
    path = f"studies/{study_uid}/series/{image.series.series_instance_uid}/instances/{sop_instance_uid}"
    return {
        "url": f"/dicomweb/{path}/frames/{frame_number}",
        "sop_instance_uid": sop_instance_uid,
        "frame_number": frame_number,
    }


def _criterion(criterion: Criterion, reader: User) -> dict[str, Any]:
    anchors = AnchorImage.objects.visible_to(reader).at_levels_of(criterion).select_related("image")
    return {
        "key": criterion.key,
        "question": criterion.question,
        "minimum": criterion.minimum,
        "maximum": criterion.maximum,
        "step": criterion.step,
        "is_higher_better": criterion.is_higher_better,
        "anchors": criterion.anchors,
        "anchor_images": [_anchor_image(anchor) for anchor in anchors],
    }


def _anchor_image(anchor: AnchorImage) -> dict[str, Any]:
    thumbnail = reverse("image-thumbnail", args=[anchor.image_id]) if anchor.image.thumbnail_name else None
    url = reverse("anchor-image-detail", kwargs={"pk": anchor.pk})
    return {"value": anchor.value, "image": anchor.image_id, "url": url, "thumbnail_url": thumbnail}
