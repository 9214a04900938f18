"""Files to score, and scoring them without Django: also for a process of its own, whose memory is measured."""

from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from inference.mediqa import Predictor, Scale
from inference.mediqa.reading import ReadImage, read_paths
from inference.mediqa.types import ImageArray
from tests.mediqa.conftest import phantom

SIDE = 512
SCALES = {"overall": Scale(0.0, 4.0)}


def write_series(folder: Path, slices: int) -> Path:
    """Write uncompressed CT slices of 16 bits, one file each."""
    folder.mkdir(parents=True)
    series, study = generate_uid(), generate_uid()
    for number, plane in enumerate(phantom(slices, side=SIDE)):
        one = Dataset()
        one.file_meta = FileMetaDataset()
        one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID = CTImageStorage
        one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID = generate_uid()
        one.StudyInstanceUID, one.SeriesInstanceUID, one.Modality = study, series, "CT"
        one.ImagePositionPatient, one.ImageOrientationPatient = [0, 0, number], [1, 0, 0, 0, 1, 0]
        one.PixelSpacing, one.InstanceNumber = [0.7, 0.7], number + 1
        one.Rows = one.Columns = SIDE
        one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
        one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 16, 15, 1
        one.RescaleSlope, one.RescaleIntercept = 1, 0
        one.PixelData = (plane * 8 - 900).astype(np.int16).tobytes()
        one.save_as(folder / f"{number:03}.dcm", enforce_file_format=True)
    return folder


def write_slices(folder: Path, count: int) -> Path:
    """Write series of one slice each: as many images as files."""
    for number in range(count):
        write_series(folder / f"{number:03}", 1)
    return folder


def images_of(folder: Path) -> list[ImageArray]:
    """What is found under a folder, decoded."""
    return [read.image for read in read_paths([folder]) if isinstance(read, ReadImage)]


def scored_from_disk(predictor: Predictor, folder: Path) -> list[float]:
    """Find, decode, prepare, encode and score everything under a folder."""
    images = images_of(folder)
    scored = predictor.score(predictor.encode(images), prompts=[one.prompt for one in images], scales=SCALES)
    return [one.scores["overall"].quality for one in scored]


def peak_mb() -> float:
    """Peak resident memory of this process; ru_maxrss would count its parent's, too (Linux)."""
    kilobytes = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
    return float(kilobytes) / 1024
