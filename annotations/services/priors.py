"""An earlier Image of the same patient, to be looked at beside a case where the Project allows it."""

from __future__ import annotations

from annotations.models import Assignment, Image, Instance, ProjectImage, User, has_nothing_left_of

VIEW_POSITION, LATERALITY = "00185101", "00200062"


def prior_of(assignment: Assignment, *, reader: User) -> Image | None:
    """Of the Project, the patient and the modality: of the same view and region if there is one, then the newest.

    Only one that the reader has read and has nothing left to read of, in whatever Project and as whatever repeat: what
    they are still to judge they do not see before. Nothing that anybody said of it goes with it.
    """
    study = assignment.image.series.study
    if not assignment.project.is_prior_shown or assignment.reader_id != reader.pk:
        return None
    if study.study_date is None or not study.patient_key:
        return None
    rows = ProjectImage.objects.current().filter(
        has_nothing_left_of(reader),
        project=assignment.project_id,
        image__dimension=assignment.image.dimension,
        image__is_localizer=assignment.image.is_localizer,
        image__series__modality=assignment.image.series.modality,
        image__series__study__patient_key=study.patient_key,
        image__series__study__study_date__lt=study.study_date,
    )
    found = Image.objects.filter(pk__in=rows.values("image")).select_related("series__study")
    return max(found, key=lambda image: _likeness(image, assignment.image), default=None)


def _likeness(earlier: Image, image: Image) -> tuple[bool, bool, bool, object, int]:
    return (
        view_of(earlier) == view_of(image),
        earlier.series.body_part_examined == image.series.body_part_examined,
        earlier.series.description == image.series.description,
        earlier.series.study.study_date,
        earlier.pk,
    )


def view_of(image: Image) -> str:
    """How the patient was seen: the view position with its side ("MLO L", "PA"), of a stack its plane; may be empty."""
    first = Instance.objects.filter(slices__image=image, slices__index=0).values_list("metadata", flat=True).first()
    said = [_first_value(first or {}, tag) for tag in (VIEW_POSITION, LATERALITY)]
    return " ".join(filter(None, said)).upper() if said[0] else image.plane


def _first_value(metadata: dict[str, dict[str, list[object]]], tag: str) -> str:
    values = metadata.get(tag, {}).get("Value", [])
    return str(values[0]).strip() if values else ""
