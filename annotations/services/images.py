"""Instances to Images: a Project's slices of a Series, grouped into stacks by their geometry."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from django.db import transaction

from annotations.dicom.frames import FrameFormat, decode_stored, to_modality_units
from annotations.dicom.geometry import SliceHeader, Stack, group_slices
from annotations.dicom.thumbnails import thumbnail
from annotations.dicom.windows import Display
from annotations.models import Image, ImageSlice, Instance, Project, ProjectImage, Series
from annotations.services.objects import get_object, put_object

logger = logging.getLogger(__name__)

NEEDED_FIELDS = ("sop_instance_uid", "sha256", "slice_headers", "display", "frame_format")


@dataclass(frozen=True)
class GroupedImage:
    project_image: ProjectImage
    is_new: bool


@transaction.atomic
def group_series(*, project: Project, series_id: int) -> list[GroupedImage]:
    """Make the Images of the Project's Instances of one Series, and take them into the Project.

    Nothing changes when no slice was added. An Image whose stack has got more slices is superseded by a new one. The
    Series is locked: two ingests that end at once make each Image once.
    """
    series = Series.objects.select_for_update(no_key=True).get(pk=series_id)
    taken = Instance.objects.filter(series=series, project_instances__project=project).only(*NEEDED_FIELDS)
    instances = {instance.sop_instance_uid: instance for instance in taken}
    headers = (SliceHeader.from_json(header) for one in instances.values() for header in one.slice_headers)
    stacks = group_slices(headers)
    known = _known_images(series, stacks)
    grouped = []
    for stack in stacks:
        image = known.get((stack.key, content_sha256(stack))) or _create_image(series, stack, instances)
        project_image, is_new = ProjectImage.objects.get_or_create(project=project, image=image)
        grouped.append(GroupedImage(project_image, is_new))
    _supersede_others(project, series, [one.project_image for one in grouped])
    return grouped


def content_sha256(stack: Stack) -> str:
    """Names the slices of a stack in their order."""
    slices = [[header.sop_instance_uid, header.frame_number] for header in stack.slices]
    return hashlib.sha256(json.dumps(slices).encode()).hexdigest()


def _known_images(series: Series, stacks: Iterable[Stack]) -> dict[tuple[str, str], Image]:
    contents = [content_sha256(stack) for stack in stacks]
    images = Image.objects.filter(series=series, content_sha256__in=contents)
    return {(image.stack_key, image.content_sha256): image for image in images}


def _create_image(series: Series, stack: Stack, instances: Mapping[str, Instance]) -> Image:
    middle = stack.slices[len(stack.slices) // 2]
    display = Display.from_json(instances[middle.sop_instance_uid].display)
    spacing = stack.spacing_mm or (None, None, None)
    content = content_sha256(stack)
    image = Image.objects.create(
        series=series,
        stack_key=stack.key,
        content_sha256=content,
        dimension=stack.dimension,
        slice_spacing_mm=spacing[0],
        row_spacing_mm=spacing[1],
        column_spacing_mm=spacing[2],
        plane=stack.plane,
        is_localizer=stack.is_localizer,
        gantry_tilt_degrees=stack.gantry_tilt_degrees,
        frame_seconds=stack.frame_seconds,
        geometry_notes=list(stack.notes),
        windows=display.to_json()["windows"],
        is_inverted=display.is_inverted,
        thumbnail_name=_store_thumbnail(content, instances[middle.sop_instance_uid], middle, display),
    )
    ImageSlice.objects.bulk_create(_slices(image, stack, instances), batch_size=1000)
    return image


def _slices(image: Image, stack: Stack, instances: Mapping[str, Instance]) -> list[ImageSlice]:
    return [
        ImageSlice(
            image=image,
            index=index,
            instance=instances[header.sop_instance_uid],
            frame_number=header.frame_number,
            position_mm=_position_mm(header),
        )
        for index, header in enumerate(stack.slices)
    ]


def _position_mm(header: SliceHeader) -> float | None:
    """Along the normal of the slice (PS3.3 C.7.6.2.1.1)."""
    if header.position_mm is None or header.orientation is None:
        return header.slice_location_mm
    normal = np.cross(header.orientation[:3], header.orientation[3:])
    return float(np.dot(header.position_mm, normal))


def _store_thumbnail(content: str, instance: Instance, header: SliceHeader, display: Display) -> str:
    """Storage name of the small picture; "" where the frame cannot be read, which keeps no Image back."""
    name = f"thumbnails/{content[:2]}/{content}"
    window = display.windows[0] if display.windows else None
    row_mm, column_mm = header.spacing_mm or (1.0, 1.0)
    try:
        stored_format = FrameFormat.from_json(instance.frame_format)
        frame = decode_stored(get_object(instance.frame_name(header.frame_number)))
        values = to_modality_units(frame, stored_format, header.frame_number - 1)
        picture = thumbnail(values, window=window, is_inverted=display.is_inverted, aspect=row_mm / column_mm)
    except (ValueError, FileNotFoundError) as error:
        logger.warning("instance %s: no thumbnail (%s)", instance.pk, type(error).__name__)
        return ""
    put_object(name=name, content=picture)
    return name


def _supersede_others(project: Project, series: Series, current: list[ProjectImage]) -> None:
    """Let each earlier Image of the Series be superseded by the one that now holds its first slice."""
    keep = [project_image.pk for project_image in current]
    ProjectImage.objects.filter(pk__in=keep).update(superseded_by=None)
    earlier = ProjectImage.objects.current().filter(project=project, image__series=series).exclude(pk__in=keep)
    for project_image in earlier:
        successor = _successor(project_image, current)
        project_image.superseded_by = successor
        project_image.save(update_fields=["superseded_by"])
        if successor is not None and project_image.is_calibration:
            ProjectImage.objects.filter(pk=successor.pk).update(is_calibration=True)


def _successor(earlier: ProjectImage, current: list[ProjectImage]) -> ProjectImage | None:
    first = ImageSlice.objects.filter(image=earlier.image_id).order_by("index").first()
    if first is None:
        return None
    holders = ImageSlice.objects.filter(
        image__in=[project_image.image_id for project_image in current],
        instance=first.instance_id,
        frame_number=first.frame_number,
    )
    image_ids = set(holders.values_list("image", flat=True))
    return next((project_image for project_image in current if project_image.image_id in image_ids), None)
