"""Calibration cases: Images of a Project that every reader is given. `mixing` hands them out."""

from __future__ import annotations

from django.db.models import Count, Q

from annotations.errors import UnknownImage
from annotations.models import Image, Project, ProjectImage
from annotations.models.imaging import ImageQuerySet
from annotations.models.project import ProjectImageQuerySet


def calibration_cases(project: Project) -> ProjectImageQuerySet:
    """With `reader_count`: how many readers have read each."""
    read_here = Q(image__readings__project=project)
    counted = Count("image__readings__reader", filter=read_here, distinct=True)
    rows = project.project_images.calibrating().annotate(reader_count=counted)
    return rows.select_related("image__series").order_by("image__series__modality", "image")


def possible_calibration_images(project: Project) -> ImageQuerySet:
    calibrating = project.project_images.calibrating().values("image")
    return Image.objects.cases_of(project).exclude(pk__in=calibrating)


def add_calibration_image(*, project: Project, image_id: int) -> ProjectImage:
    """From now on every reader who has not been given it is.

    Raises:
        UnknownImage: no case of the Project.
    """
    return _set(project, image_id, is_calibration=True)


def remove_calibration_image(*, project: Project, image_id: int) -> ProjectImage:
    """Nobody else is given it for this; what was said of it stays.

    Raises:
        UnknownImage: no case of the Project.
    """
    return _set(project, image_id, is_calibration=False)


def _set(project: Project, image_id: int, *, is_calibration: bool) -> ProjectImage:
    found = project.project_images.cases().filter(image=image_id).first()
    if found is None:
        raise UnknownImage
    found.is_calibration = is_calibration
    found.save(update_fields=["is_calibration"])
    return found
