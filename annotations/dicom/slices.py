"""What grouping needs to know of one frame: where it lies, when it was taken, and of what kind it is."""

from dataclasses import asdict, dataclass
from typing import Any

from pydicom import Dataset

from annotations.dicom import tags
from annotations.dicom.functional_groups import FunctionalGroups

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class SliceHeader:
    """One frame of one Instance. Positions and directions are in the patient's coordinates (PS3.3
    C.7.6.2.1.1).

    `orientation`: direction of a row, then of a column. `spacing_mm`: (row, column). `frame_number` counts
    from 1.
    `volume_uid` keeps the frames of one multi-frame object (or of one concatenation) together; "" for
    single frames.
    """

    sop_instance_uid: str
    frame_number: int
    series_instance_uid: str
    modality: str
    rows: int
    columns: int
    frame_count: int
    position_mm: Vector | None = None
    orientation: tuple[float, float, float, float, float, float] | None = None
    spacing_mm: tuple[float, float] | None = None
    slice_thickness_mm: float | None = None
    spacing_between_slices_mm: float | None = None
    slice_location_mm: float | None = None
    image_type: tuple[str, ...] = ()
    echo: float | None = None
    temporal_position: int | None = None
    b_value: float | None = None
    acquisition_number: int | None = None
    trigger_time_ms: float | None = None
    acquired_at: str = ""
    instance_number: int | None = None
    frame_seconds: float | None = None
    volume_uid: str = ""
    is_colour: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "SliceHeader":
        restored: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in stored.items()
        }
        return cls(**restored)


def slice_headers(dataset: Dataset) -> list[SliceHeader]:
    """One header for each frame, in the order of the frames. Never raises: a bad value is as good as none."""
    groups = FunctionalGroups(dataset)
    count = max(tags.integer(dataset, "NumberOfFrames") or 1, 1)
    shared = _instance_fields(dataset, count)
    return [
        SliceHeader(frame_number=index + 1, **{**shared, **_frame_fields(dataset, groups, index)})
        for index in range(count)
    ]


def _instance_fields(dataset: Dataset, count: int) -> dict[str, Any]:
    is_multiple = count > 1
    volume = tags.text(dataset, "ConcatenationUID") or tags.text(dataset, "SOPInstanceUID")
    return {
        "sop_instance_uid": tags.text(dataset, "SOPInstanceUID"),
        "series_instance_uid": tags.text(dataset, "SeriesInstanceUID"),
        "modality": tags.text(dataset, "Modality").upper(),
        "rows": tags.integer(dataset, "Rows") or 0,
        "columns": tags.integer(dataset, "Columns") or 0,
        "frame_count": count,
        "slice_location_mm": None if is_multiple else tags.number(dataset, "SliceLocation"),
        "acquisition_number": tags.integer(dataset, "AcquisitionNumber"),
        "instance_number": tags.integer(dataset, "InstanceNumber"),
        "acquired_at": tags.text(dataset, "AcquisitionDateTime")
        or tags.text(dataset, "AcquisitionDate") + tags.text(dataset, "AcquisitionTime"),
        "frame_seconds": _frame_seconds(dataset) if is_multiple else None,
        "volume_uid": volume if is_multiple else "",
        "is_colour": tags.integer(dataset, "SamplesPerPixel") == 3,
    }


def _frame_fields(dataset: Dataset, groups: FunctionalGroups, index: int) -> dict[str, Any]:
    def find(macro: str) -> Dataset:
        found = groups.find(index, macro)
        return dataset if found is None else found

    position, measures, content = (
        find("PlanePositionSequence"),
        find("PixelMeasuresSequence"),
        find("FrameContentSequence"),
    )
    return {
        "position_mm": _vector(position, "ImagePositionPatient", 3),
        "orientation": _orientation(find("PlaneOrientationSequence")),
        "spacing_mm": _spacing(measures) or _spacing(dataset),
        "slice_thickness_mm": tags.number(measures, "SliceThickness"),
        "spacing_between_slices_mm": tags.number(measures, "SpacingBetweenSlices"),
        "image_type": _image_type(dataset, groups, index),
        "echo": _echo(find("MREchoSequence"), dataset),
        "temporal_position": _temporal_position(content, dataset),
        "b_value": tags.number(find("MRDiffusionSequence"), "DiffusionBValue"),
        "trigger_time_ms": _trigger_time(find("CardiacSynchronizationSequence")),
    }


def _vector(dataset: Dataset, keyword: str, length: int) -> Any:
    found = tags.numbers(dataset, keyword)
    return found if len(found) == length else None


def _orientation(dataset: Dataset) -> Any:
    """Two unit vectors at right angles, or None: anything else cannot be projected on."""
    found = tags.numbers(dataset, "ImageOrientationPatient")
    if len(found) != 6:
        return None
    row, column = found[:3], found[3:]
    lengths = [sum(one * one for one in vector) ** 0.5 for vector in (row, column)]
    product = sum(a * b for a, b in zip(row, column, strict=True))
    is_sound = all(0.9 < length < 1.1 for length in lengths) and abs(product) < 0.1
    return found if is_sound else None


def _spacing(dataset: Dataset) -> Any:
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        found = tags.numbers(dataset, keyword)
        if len(found) == 2 and min(found) > 0:
            return found
    return _ultrasound_spacing(dataset)


def _ultrasound_spacing(dataset: Dataset) -> tuple[float, float] | None:
    """Of a single calibrated ultrasound region in centimetres (PS3.3 C.8.5.5)."""
    regions = tags.sequence(dataset, "SequenceOfUltrasoundRegions")
    if len(regions) != 1:
        return None
    units = [tags.integer(regions[0], f"PhysicalUnits{axis}Direction") for axis in "XY"]
    x, y = (tags.number(regions[0], f"PhysicalDelta{axis}") for axis in "XY")
    return (abs(y) * 10, abs(x) * 10) if units == [3, 3] and x and y else None


def _image_type(dataset: Dataset, groups: FunctionalGroups, index: int) -> tuple[str, ...]:
    for macro in ("MRImageFrameTypeSequence", "CTImageFrameTypeSequence", "PETFrameTypeSequence"):
        found = groups.find(index, macro)
        if found is not None and tags.texts(found, "FrameType"):
            return tuple(one.upper() for one in tags.texts(found, "FrameType"))
    return tuple(one.upper() for one in tags.texts(dataset, "ImageType"))


def _echo(source: Dataset, dataset: Dataset) -> float | None:
    effective = tags.number(source, "EffectiveEchoTime")
    found = tags.number(dataset, "EchoTime") if effective is None else effective
    return None if found is None else round(found, 2)


def _temporal_position(content: Dataset, dataset: Dataset) -> int | None:
    found = tags.integer(content, "TemporalPositionIndex")
    return tags.integer(dataset, "TemporalPositionIdentifier") if found is None else found


def _trigger_time(source: Dataset) -> float | None:
    nominal = tags.number(source, "NominalCardiacTriggerDelayTime")
    return tags.number(source, "TriggerTime") if nominal is None else nominal


def _frame_seconds(dataset: Dataset) -> float | None:
    """Time from frame to frame (PS3.3 C.7.6.5): FrameTime, the mean of FrameTimeVector, or a rate."""
    milliseconds = tags.number(dataset, "FrameTime")
    if not milliseconds:
        steps = tags.numbers(dataset, "FrameTimeVector")[1:]
        milliseconds = sum(steps) / len(steps) if steps else None
    if milliseconds and milliseconds > 0:
        return milliseconds / 1000
    for keyword in ("CineRate", "RecommendedDisplayFrameRate"):
        rate = tags.number(dataset, keyword)
        if rate and rate > 0:
            return 1 / rate
    return None
