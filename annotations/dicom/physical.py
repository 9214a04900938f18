"""Physical parameters of an acquisition, typed, with units in their names; what cannot be read is None.

Each field names its DICOM attribute. Multi-frame objects are read through their functional groups (first
frame).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from pydicom import Dataset

from annotations.dicom import tags
from annotations.dicom.functional_groups import FunctionalGroups


def _source(*keywords: str, macros: tuple[str, ...] = (), at: int | None = None, scale: float = 1.0) -> Any:
    """A field read from the first of `keywords` that is there, in the Dataset or in one of the `macros`.

    `at`: which of several values; None asks for exactly one. `scale`: to the unit of the field's name.
    """
    return field(default=None, metadata={"keywords": keywords, "macros": macros, "at": at, "scale": scale})


def _word(*keywords: str, macros: tuple[str, ...] = ()) -> Any:
    return field(default="", metadata={"keywords": keywords, "macros": macros})


_MR_TIMING = ("MRTimingAndRelatedParametersSequence",)
_MR_ECHO = ("MREchoSequence",)
_MR_MODIFIER = ("MRModifierSequence",)
_MR_AVERAGES = ("MRAveragesSequence",)
_MR_GEOMETRY = ("MRFOVGeometrySequence",)
_CT_XRAY = ("CTXRayDetailsSequence",)
_CT_EXPOSURE = ("CTExposureSequence",)
_CT_TABLE = ("CTTableDynamicsSequence",)
_CT_RECONSTRUCTION = ("CTReconstructionSequence",)
_MEASURES = ("PixelMeasuresSequence",)


@dataclass(frozen=True)
class PhysicalParameters:
    """What the header says of how an Image was made."""

    tube_voltage_kv: float | None = _source("KVP", macros=_CT_XRAY)  # (0018,0060)
    tube_current_ma: float | None = _source(  # (0018,1151), (0018,9330)
        "XRayTubeCurrent", "XRayTubeCurrentInmA", macros=_CT_EXPOSURE
    )
    exposure_mas: float | None = _source("Exposure", "ExposureInmAs", macros=_CT_EXPOSURE)  # (0018,1152), (0018,9332)
    exposure_time_ms: float | None = _source(  # (0018,1150), (0018,9328)
        "ExposureTime", "ExposureTimeInms", macros=_CT_EXPOSURE
    )
    ctdi_vol_mgy: float | None = _source("CTDIvol", macros=_CT_EXPOSURE)  # (0018,9345)
    pitch: float | None = _source("SpiralPitchFactor", macros=_CT_TABLE)  # (0018,9311)
    total_collimation_width_mm: float | None = _source(  # (0018,9307)
        "TotalCollimationWidth", macros=("CTAcquisitionDetailsSequence",)
    )
    revolution_time_s: float | None = _source(  # (0018,9305)
        "RevolutionTime", macros=("CTAcquisitionDetailsSequence",)
    )
    gantry_tilt_degrees: float | None = _source(  # (0018,1120)
        "GantryDetectorTilt", macros=("CTAcquisitionDetailsSequence",)
    )
    convolution_kernel: str = _word("ConvolutionKernel", macros=_CT_RECONSTRUCTION)  # (0018,1210)
    reconstruction_diameter_mm: float | None = _source(  # (0018,1100)
        "ReconstructionDiameter", macros=_CT_RECONSTRUCTION
    )
    slice_thickness_mm: float | None = _source("SliceThickness", macros=_MEASURES)  # (0018,0050)
    spacing_between_slices_mm: float | None = _source("SpacingBetweenSlices", macros=_MEASURES)  # (0018,0088)
    row_spacing_mm: float | None = _source(  # (0028,0030) first value, (0018,1164)
        "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", macros=_MEASURES, at=0
    )
    column_spacing_mm: float | None = _source(  # (0028,0030) second value
        "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", macros=_MEASURES, at=1
    )
    field_strength_t: float | None = _source("MagneticFieldStrength")  # (0018,0087)
    echo_time_ms: float | None = _source("EchoTime", "EffectiveEchoTime", macros=_MR_ECHO)  # (0018,0081), (0018,9082)
    repetition_time_ms: float | None = _source("RepetitionTime", macros=_MR_TIMING)  # (0018,0080)
    inversion_time_ms: float | None = _source("InversionTime", "InversionTimes", macros=_MR_MODIFIER)  # (0018,0082)
    flip_angle_deg: float | None = _source("FlipAngle", macros=_MR_TIMING)  # (0018,1314)
    averages: float | None = _source("NumberOfAverages", macros=_MR_AVERAGES)  # (0018,0083)
    echo_train_length: float | None = _source(  # (0018,0091), (0018,9241)
        "EchoTrainLength", "RFEchoTrainLength", macros=_MR_TIMING
    )
    pixel_bandwidth_hz: float | None = _source(  # (0018,0095)
        "PixelBandwidth", macros=("MRImagingModifierSequence",)
    )
    parallel_reduction_factor: float | None = _source(  # (0018,9069)
        "ParallelReductionFactorInPlane", macros=_MR_MODIFIER
    )
    percent_sampling: float | None = _source("PercentSampling", macros=_MR_GEOMETRY)  # (0018,0093)
    b_value_s_mm2: float | None = _source("DiffusionBValue", macros=("MRDiffusionSequence",))  # (0018,9087)
    scanning_sequence: str = _word("ScanningSequence")  # (0018,0020)
    sequence_name: str = _word("SequenceName", "PulseSequenceName")  # (0018,0024), (0018,9005)
    exposure_index: float | None = _source("ExposureIndex")  # (0018,1411)
    target_exposure_index: float | None = _source("TargetExposureIndex")  # (0018,1412)
    deviation_index: float | None = _source("DeviationIndex")  # (0018,1413)
    entrance_dose_mgy: float | None = _source("EntranceDoseInmGy")  # (0040,8302)
    body_part_thickness_mm: float | None = _source("BodyPartThickness")  # (0018,11A0)
    compression_force_n: float | None = _source("CompressionForce")  # (0018,11A2)
    distance_source_to_detector_mm: float | None = _source("DistanceSourceToDetector")  # (0018,1110)
    grid: str = _word("Grid")  # (0018,1166)
    filter_material: str = _word("FilterMaterial")  # (0018,7050)
    transducer_frequency_mhz: float | None = _source("TransducerFrequency", scale=1e-3)  # (0018,6030), kHz
    depth_of_scan_mm: float | None = _source("DepthOfScanField")  # (0018,5050)
    mechanical_index: float | None = _source("MechanicalIndex")  # (0018,5022)
    frame_time_ms: float | None = _source("FrameTime")  # (0018,1063)
    actual_frame_duration_ms: float | None = _source("ActualFrameDuration")  # (0018,1242)
    lossy_compression_ratio: float | None = _source("LossyImageCompressionRatio")  # (0028,2112)
    manufacturer: str = _word("Manufacturer")  # (0008,0070)
    model_name: str = _word("ManufacturerModelName")  # (0008,1090)


def extract_physical_parameters(dataset: Dataset) -> PhysicalParameters:
    """The physical parameters of one Instance. Never raises: text, empty or several values become None."""
    groups = FunctionalGroups(dataset)
    found: dict[str, Any] = {}
    for one in fields(PhysicalParameters):
        read: Callable[..., Any] = _read_word if one.default == "" else _read_number
        found[one.name] = read(dataset, groups, one.metadata)
    return PhysicalParameters(**found)


def _sources(dataset: Dataset, groups: FunctionalGroups, macros: tuple[str, ...]) -> list[Dataset]:
    nested = [groups.find(0, macro) for macro in macros]
    return [dataset, *(one for one in nested if one is not None)]


def _read_number(dataset: Dataset, groups: FunctionalGroups, source: Any) -> float | None:
    for holder in _sources(dataset, groups, source["macros"]):
        for keyword in source["keywords"]:
            values = tags.numbers(holder, keyword)
            at = source["at"]
            if at is None and len(values) == 1:
                return values[0] * float(source["scale"])
            if at is not None and len(values) == 2:
                return values[at] if values[at] > 0 else None
    return None


def _read_word(dataset: Dataset, groups: FunctionalGroups, source: Any) -> str:
    for holder in _sources(dataset, groups, source["macros"]):
        for keyword in source["keywords"]:
            found = tags.text(holder, keyword)
            if found:
                return found[:200]
    return ""
