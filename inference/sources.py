"""What the model needs to know of an Image before its pixels are read: where its frames lie, and its prompt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydicom.datadict import tag_for_keyword

from annotations.dicom.windows import is_stated
from annotations.models import Image, ImageSlice, Instance, PhysicalParameters
from inference.mediqa.prompt import ACQUISITION_KEYWORDS, CODE_SEQUENCES, prompt_from_header
from inference.mediqa.types import Prompt
from inference.models import Embedding, PromptCorrection

CODE_MEANING = "00080104"


@dataclass(frozen=True)
class FrameSource:
    """One stored frame: its storage name, how its Instance's frames are stored, its index (from 0) in the Instance."""

    name: str
    frame_format: Mapping[str, Any]
    frame_index: int


@dataclass(frozen=True)
class ImageSource:
    """An Image, ready to be read by a thread that has no database connection. Frames are in stack order."""

    image_id: int
    frames: tuple[FrameSource, ...]
    prompt: Prompt
    provenance: Mapping[str, str]
    window: tuple[float, float] | None
    is_inverted: bool
    spacing_mm: tuple[float | None, float, float] | None = None  # between slices, rows, columns
    said: Mapping[str, str] = field(default_factory=dict)
    features_name: str = ""


def image_sources(image_ids: Sequence[int], *, features_version: str) -> list[ImageSource]:
    """One ImageSource for each Image, in the order asked for, with six queries altogether."""
    images = Image.objects.select_related("series__study").in_bulk(list(image_ids))
    frames = _frames(image_ids)
    headers = _headers(image_ids)
    said = _said(image_ids)
    cached = _cached_features(image_ids, features_version, said)
    sources = []
    for image_id in image_ids:
        image = images[image_id]
        header = _header_of_series(image) | headers.get(image_id, {})
        prompt, provenance = prompt_from_header(header, override=said.get(image_id))
        sources.append(
            ImageSource(
                image_id=image_id,
                frames=tuple(frames[image_id]),
                prompt=prompt,
                provenance=provenance,
                window=_first_window(image),
                is_inverted=image.is_inverted,
                spacing_mm=_spacing_mm(image),
                said=said.get(image_id, {}),
                features_name=cached.get(image_id, ""),
            )
        )
    return sources


def _frames(image_ids: Iterable[int]) -> dict[int, list[FrameSource]]:
    frames: dict[int, list[FrameSource]] = defaultdict(list)
    slices = ImageSlice.objects.filter(image__in=image_ids).order_by("image", "index")
    instances = Instance.objects.only("sha256", "frame_format").in_bulk(set(slices.values_list("instance", flat=True)))
    for part in slices:
        instance = instances[part.instance_id]
        name = instance.frame_name(part.frame_number)
        frames[part.image_id].append(FrameSource(name, instance.frame_format, part.frame_number - 1))
    return frames


def _cached_features(
    image_ids: Iterable[int], features_version: str, said: Mapping[int, Mapping[str, str]]
) -> dict[int, str]:
    """Storage names, without those that were made when a person had said something else of the prompt."""
    rows = Embedding.objects.filter(image__in=image_ids, features_version=features_version)
    cached = rows.values_list("image_id", "features_name", "said")
    return {image_id: name for image_id, name, then in cached if then == said.get(image_id, {})}


def _said(image_ids: Iterable[int]) -> dict[int, dict[str, str]]:
    return dict(PromptCorrection.objects.filter(image__in=image_ids).values_list("image_id", "factors"))


def _spacing_mm(image: Image) -> tuple[float | None, float, float] | None:
    if image.row_spacing_mm is None or image.column_spacing_mm is None:
        return None
    return image.slice_spacing_mm, image.row_spacing_mm, image.column_spacing_mm


def _first_window(image: Image) -> tuple[float, float] | None:
    """(center, width) in modality units of the header's window; none where the reader is first shown a measured one."""
    if not image.windows or not is_stated(image.windows[0]["name"]):
        return None
    return float(image.windows[0]["center"]), float(image.windows[0]["width"])


def _header_of_series(image: Image) -> dict[str, Any]:
    return {
        "dimension": image.dimension,
        "Modality": image.series.modality,
        "BodyPartExamined": image.series.body_part_examined,
        "SeriesDescription": image.series.description,
        "StudyDescription": image.series.study.description,
    }


def _headers(image_ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """What the first slice's Instance says about the acquisition, by DICOM keyword."""
    first = dict(ImageSlice.objects.filter(image__in=image_ids, index=0).values_list("image_id", "instance_id"))
    metadata = dict(Instance.objects.filter(pk__in=first.values()).values_list("pk", "metadata"))
    physical = PhysicalParameters.objects.in_bulk(list(first.values()))
    return {
        image_id: _from_metadata(metadata[instance_id]) | _from_physical(physical.get(instance_id))
        for image_id, instance_id in first.items()
    }


def _from_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    header = {keyword: _values(metadata, keyword) for keyword in ACQUISITION_KEYWORDS}
    for keyword in CODE_SEQUENCES:
        codes = [item for item in _values(metadata, keyword) if isinstance(item, dict)]
        header[keyword] = [text for code in codes for text in code.get(CODE_MEANING, {}).get("Value", [])]
    return {keyword: values for keyword, values in header.items() if values}


def _values(metadata: Mapping[str, Any], keyword: str) -> list[Any]:
    """Of one element in the DICOM JSON model (PS3.18 annex F)."""
    return list(metadata.get(f"{tag_for_keyword(keyword):08X}", {}).get("Value") or [])


def _from_physical(physical: PhysicalParameters | None) -> dict[str, Any]:
    if physical is None:
        return {}
    found = {
        "EchoTime": physical.echo_time_ms,
        "RepetitionTime": physical.repetition_time_ms,
        "ConvolutionKernel": physical.convolution_kernel,
    }
    return {keyword: value for keyword, value in found.items() if value not in (None, "")}
