"""DICOM JSON of an Instance as its stored frames are served (PS3.18 annex F; WADO-RS metadata).

The pixels are HTJ2K, decoded to grey or RGB, so that the Image Pixel module is that of the FrameFormat and
not of the
file. Bulk data (palettes, icons, private blobs) are left out, overlays too (`annotations.dicom.overlays` has them), and
so is who the patient is.
"""

import json
import math
from collections.abc import Iterable
from typing import Any

from pydicom import DataElement, Dataset
from pydicom.tag import BaseTag, Tag

from annotations.dicom import tags
from annotations.dicom.frames import STORED_TRANSFER_SYNTAX_UID, FrameFormat
from annotations.dicom.modality_lut import read_modality_table

_BULK = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "UN"])
_WHOLE_NUMBERS = frozenset(["IS", "SL", "SS", "SV", "UL", "US", "UV"])
_DECIMALS = frozenset(["DS", "FD", "FL"])
_MAXIMUM_TEXT = 4096
_MAXIMUM_DEPTH = 8
_WITHOUT_IDENTITY = frozenset(
    Tag(keyword)
    for keyword in (
        "AccessionNumber", "InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName",
        "ReferringPhysicianName", "ReferringPhysicianAddress", "ReferringPhysicianTelephoneNumbers",
        "PerformingPhysicianName", "NameOfPhysiciansReadingStudy", "OperatorsName", "PhysiciansOfRecord",
        "RequestingPhysician", "ScheduledPerformingPhysicianName", "StationName", "DeviceSerialNumber",
        "StudyID", "AdmissionID", "OriginalAttributesSequence", "RequestAttributesSequence",
        "ReferencedPatientSequence", "ReferencedStudySequence", "IssuerOfAccessionNumberSequence",
        "PersonName", "PersonIdentificationCodeSequence", "ContentCreatorName", "ImageComments",
        "StudyComments", "RequestedProcedureID", "ScheduledProcedureStepID", "PerformedProcedureStepID",
        "FillerOrderNumberImagingServiceRequest", "PlacerOrderNumberImagingServiceRequest",
        "PerformedProcedureStepDescription", "RequestedProcedureDescription", "DerivationDescription",
    )
)  # fmt: skip
_KEPT_OF_PATIENT = frozenset(Tag(keyword) for keyword in ("PatientAge", "PatientSex", "PatientSize", "PatientWeight"))
_LEFT_OUT = frozenset(
    Tag(keyword)
    for keyword in (
        "PixelData", "FloatPixelData", "DoubleFloatPixelData", "PixelDataProviderURL", "ModalityLUTSequence",
        "SmallestImagePixelValue", "LargestImagePixelValue", "IconImageSequence",
        "RedPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableDescriptor",
        "BluePaletteColorLookupTableDescriptor", "ICCProfile", "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
        "DataSetTrailingPadding", "EncryptedAttributesSequence", "FailedSOPSequence", "SpecificCharacterSet",
    )
)  # fmt: skip
_GREY_ONLY = frozenset(
    Tag(keyword)
    for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit", "WindowCenter", "WindowWidth", "VOILUTSequence")
)


def metadata(dataset: Dataset, stored_format: FrameFormat, *, with_identity: bool = False) -> dict[str, Any]:
    """The DICOM JSON model of one Instance, ready for `json.dumps(..., allow_nan=False)`.

    `with_identity`: also the elements that name the patient, people and places. Elements whose values
    cannot be read
    are left out; never raises for them.
    """
    found = _dataset_json(dataset, _left_out(dataset, stored_format), with_identity, 0)
    found.update(_pixel_module(stored_format))
    for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        found.setdefault(_hex(Tag(keyword)), {"vr": "UI", "Value": [tags.text(dataset, keyword)]})
    return dict(sorted(found.items()))


def _left_out(dataset: Dataset, stored_format: FrameFormat) -> frozenset[BaseTag]:
    is_moved = stored_format.offset != 0 or stored_format.step != 1 or read_modality_table(dataset) is not None
    return (
        _LEFT_OUT | _GREY_ONLY
        if stored_format.is_colour
        else _LEFT_OUT
        | (frozenset([Tag("PixelPaddingValue"), Tag("PixelPaddingRangeLimit")]) if is_moved else frozenset())
    )


def _dataset_json(dataset: Dataset, left_out: frozenset[BaseTag], with_identity: bool, depth: int) -> dict[str, Any]:
    found = {}
    for tag in list(dataset.keys()):
        if tag in left_out or _is_hidden(tag, with_identity):
            continue
        element = _element(dataset, tag)
        written = None if element is None else _element_json(element, left_out, with_identity, depth)
        if written is not None:
            found[_hex(tag)] = written
    return found


def _is_hidden(tag: BaseTag, with_identity: bool) -> bool:
    """Meta header, group lengths, overlays, curves, private elements always; identity unless asked for."""
    if tag.element == 0 or tag.is_private or tag.group <= 0x0006 or tag.group & 0xFF00 in (0x5000, 0x6000):
        return True
    if with_identity or tag in _KEPT_OF_PATIENT:
        return False
    return tag.group in (0x0010, 0x0032, 0x0038, 0x4008) or tag in _WITHOUT_IDENTITY


def _element(dataset: Dataset, tag: BaseTag) -> DataElement | None:
    try:
        return dataset[tag]
    except Exception:
        return None


def _element_json(
    element: DataElement, left_out: frozenset[BaseTag], with_identity: bool, depth: int
) -> dict[str, Any] | None:
    vr = str(element.VR)[:2]
    if vr in _BULK or (vr == "PN" and not with_identity):
        return None
    if vr == "SQ":
        return _sequence_json(element, left_out, with_identity, depth)
    try:
        values = [_value_json(vr, value) for value in _values(element)]
    except (TypeError, ValueError, OverflowError):
        return None
    if not any(value is not None for value in values):
        return {"vr": vr}
    return {"vr": vr, "Value": values}


def _sequence_json(
    element: DataElement, left_out: frozenset[BaseTag], with_identity: bool, depth: int
) -> dict[str, Any] | None:
    if depth >= _MAXIMUM_DEPTH:
        return None
    try:
        nested = [one for one in element.value if isinstance(one, Dataset)]
    except Exception:
        return None
    written = [_dataset_json(one, left_out, with_identity, depth + 1) for one in nested]
    return {"vr": "SQ", "Value": written} if written else {"vr": "SQ"}


def _values(element: DataElement) -> Iterable[Any]:
    value = element.value
    if value is None or value == "":
        return []
    return value if isinstance(value, (list, tuple)) or element.VM > 1 else [value]


def _value_json(vr: str, value: Any) -> Any:
    """One value; None for what JSON or the VR cannot hold."""
    if value is None or isinstance(value, bytes):
        return None
    if vr == "AT":
        return f"{int(value):08X}"
    if vr in _WHOLE_NUMBERS:
        return int(value)
    if vr in _DECIMALS:
        number = float(value)
        return number if math.isfinite(number) else None
    written = str(value).strip(" \0")[:_MAXIMUM_TEXT]
    written = written.encode("utf-8", "replace").decode("utf-8")
    return ({"Alphabetic": written} if vr == "PN" else written) or None


def _pixel_module(stored_format: FrameFormat) -> dict[str, Any]:
    bits = stored_format.bits_allocated
    module: dict[str, tuple[str, list[Any]]] = {
        "SamplesPerPixel": ("US", [stored_format.samples_per_pixel]),
        "PhotometricInterpretation": ("CS", [stored_format.photometric_interpretation]),
        "Rows": ("US", [stored_format.rows]),
        "Columns": ("US", [stored_format.columns]),
        "BitsAllocated": ("US", [bits]),
        "BitsStored": ("US", [bits]),
        "HighBit": ("US", [bits - 1]),
        "PixelRepresentation": ("US", [int(stored_format.is_signed)]),
        "NumberOfFrames": ("IS", [stored_format.frame_count]),
        "AvailableTransferSyntaxUID": ("UI", [STORED_TRANSFER_SYNTAX_UID]),
    }
    if stored_format.is_colour:
        module["PlanarConfiguration"] = ("US", [0])
    else:
        slope, intercept = stored_format.rescale(0)
        module["RescaleSlope"] = ("DS", [slope])
        module["RescaleIntercept"] = ("DS", [intercept])
    return {_hex(Tag(keyword)): {"vr": vr, "Value": values} for keyword, (vr, values) in module.items()}


def _hex(tag: BaseTag) -> str:
    return f"{int(tag):08X}"


def dumps(model: dict[str, Any]) -> str:
    """The JSON text of one `metadata` model."""
    return json.dumps(model, allow_nan=False, separators=(",", ":"))
