"""How long scoring takes from files on disk, and how much memory.

Run with: pytest -m benchmark -s tests/benchmarks/test_scoring.py

The floor is the encoder alone, on tiles that lie in memory: what no code around it can be faster than.
"""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from inference.mediqa import Predictor, Scale
from inference.mediqa.reading import find_images, read_image
from mediqa_platform.supervisor.frontend import SOURCE_ROOT
from tests.mediqa.conftest import phantom

pytestmark = pytest.mark.benchmark

SLICES, SIDE, REPEATS = 60, 512, 5
SCALES = {"overall": Scale(0.0, 4.0)}
CHILD = (
    "import sys, torch; torch.set_num_threads(1)\n"
    "from pathlib import Path\n"
    "from tests.benchmarks.test_scoring import scored_from_disk\n"
    "from inference.mediqa import Predictor\n"
    "predictor = Predictor.load(device='cpu')\n"
    "for _ in range(int(sys.argv[2])): scored_from_disk(predictor, Path(sys.argv[1]))\n"
    "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"  # ru_maxrss counts the parent's too
)


def write_series(folder: Path, slices: int) -> Path:
    """Write uncompressed CT slices of 16 bits, one file each."""
    folder.mkdir()
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


def scored_from_disk(predictor: Predictor, folder: Path) -> list[float]:
    """Find, decode, prepare, encode and score everything under a folder."""
    images = [read_image(files).image for files in find_images([folder])]
    scored = predictor.score(predictor.encode(images), prompts=[one.prompt for one in images], scales=SCALES)
    return [one.scores["overall"].quality for one in scored]


def seconds(work) -> float:
    """Median of the processor's seconds, one thread: the same on a busy machine."""
    work()  # caches, lazy imports
    found = []
    for _ in range(REPEATS):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return float(np.median(found))


def memory_mb(folder: Path, times: int) -> float:
    """Peak resident memory of a process of its own (Linux)."""
    command = [sys.executable, "-c", CHILD, str(folder), str(times)]
    done = subprocess.run(command, cwd=SOURCE_ROOT, check=True, capture_output=True, text=True)
    return float(done.stdout) / 1024


def test_scoring_from_files_beside_the_encoder_alone(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    predictor = Predictor.load(device="cpu")
    folders = {
        f"volume, {SLICES} slices of {SIDE} x {SIDE}": write_series(tmp_path / "volume", SLICES),
        f"one slice of {SIDE} x {SIDE}": write_series(tmp_path / "slice", 1),
    }
    print(f"\nencoder by {predictor.runtime.name}, seconds of the processor, one thread; peak memory of a new process")
    print(f"{'':34} {'floor s':>8} {'disk to score s':>16} {'x floor':>8} {'images/s':>9} {'MB':>6}")
    for name, folder in folders.items():
        (files,) = find_images([folder])
        prepared = [predictor.prepare(read_image(files).image)]
        floor = seconds(lambda tiles=prepared: predictor.encode_prepared(tiles))
        whole = seconds(lambda path=folder: scored_from_disk(predictor, path))
        peak = memory_mb(folder, 1)
        print(f"{name:34} {floor:8.3f} {whole:16.3f} {whole / floor:8.1f} {1 / whole:9.1f} {peak:6.0f}")
    print(f"{'the program alone':34} {'':8} {'':16} {'':8} {'':9} {memory_mb(folders[name], 0):6.0f}")
