"""How long scoring takes from files on disk, and how much memory.

Run with: pytest -m benchmark -s tests/benchmarks/test_scoring.py

The floor is the encoder alone, on tiles that lie in memory: what no code around it can be faster than. The share is
what is left of its rate.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from django.db import connection

from annotations.dicom.archives import walk_sources
from annotations.models import Image
from annotations.services.ingestion import ingest_sources
from inference.engine import engine_for
from inference.mediqa import Predictor
from inference.mediqa.types import PreparedImage
from inference.models import Embedding, Prediction
from inference.sources import image_sources
from mediqa_platform.supervisor.frontend import SOURCE_ROOT
from tests.benchmarks.from_disk import SIDE, images_of, peak_mb, scored_from_disk, write_series, write_slices
from tests.factories import make_project
from tests.inference.images import baseline, prescore

pytestmark = pytest.mark.benchmark

SLICES, IMAGES, REPEATS = 60, 40, 15
TARGETS = "targets: 150 slices/s by the encoder, a share of 80 %"
CHILD = (
    "import sys, torch; torch.set_num_threads(1)\n"
    "from pathlib import Path\n"
    "from tests.benchmarks.from_disk import peak_mb, scored_from_disk\n"
    "from inference.mediqa import Predictor\n"
    "predictor = Predictor.load(device='cpu')\n"
    "for _ in range(int(sys.argv[2])): scored_from_disk(predictor, Path(sys.argv[1]))\n"
    "print(peak_mb())"
)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def median_seconds(
    work: Callable[[], object],
    *,
    before: Callable[[], object] = lambda: None,
    clock: Callable[[], float] = time.process_time,
) -> float:
    """Of the processor: the same on a busy machine. What is done before each time is not counted."""
    found = []
    for _ in range(1 + REPEATS):  # the first fills caches and imports
        before()
        begun = clock()
        work()
        found.append(clock() - begun)
    return float(np.median(found[1:]))


def seconds_with_database() -> float:
    """Of this process, and of the one with which the database serves it."""
    assert connection.connection is not None
    server = psutil.Process(connection.connection.info.backend_pid).cpu_times()
    return time.process_time() + server.user + server.system


def forget_scores() -> None:
    Prediction.objects.all().delete()
    Embedding.objects.all().delete()


def memory_mb(folder: Path, times: int) -> float:
    """Peak resident memory of a process of its own (Linux)."""
    command = [sys.executable, "-c", CHILD, str(folder), str(times)]
    done = subprocess.run(command, cwd=SOURCE_ROOT, check=True, capture_output=True, text=True)
    return float(done.stdout)


def memory_here_mb(work: Callable[[], object]) -> float:
    """Peak resident memory of this process while it works, with Django and pytest in it (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    work()
    return peak_mb()


def print_head(whole: str) -> None:
    print(f"\nseconds of the processor, one thread; {TARGETS}")
    print(f"{'':36} {'floor s':>8} {'slices/s':>8} {whole + ' s':>16} {'images/s':>9} {'share':>6} {'MB':>6}")


def print_row(name: str, prepared: Sequence[PreparedImage], floor: float, whole: float, peak: float) -> None:
    slices = sum(len(one.tiles) for one in prepared)
    rates = f"{slices / floor:8.0f} {whole:16.3f} {len(prepared) / whole:9.1f}"
    print(f"{name:36} {floor:8.3f} {rates} {floor / whole:6.0%} {peak:6.0f}")


def test_scoring_from_files_beside_the_encoder_alone(tmp_path: Path) -> None:
    predictor = Predictor.load(device="cpu")
    folders = {
        f"volume, {SLICES} slices of {SIDE} x {SIDE}": write_series(tmp_path / "volume", SLICES),
        f"{IMAGES} slices of {SIDE} x {SIDE}": write_slices(tmp_path / "slices", IMAGES),
        f"one slice of {SIDE} x {SIDE}": write_series(tmp_path / "slice", 1),
    }
    print_head("disk to score")
    for name, folder in folders.items():
        prepared = [predictor.prepare(image) for image in images_of(folder)]
        floor = median_seconds(lambda tiles=prepared: predictor.encode_prepared(tiles))
        whole = median_seconds(lambda path=folder: scored_from_disk(predictor, path))
        print_row(name, prepared, floor, whole, memory_mb(folder, 1))
    print(f"the program alone, with its model by {predictor.runtime.name}: {memory_mb(folder, 0):.0f} MB")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("objects")
def test_scoring_to_rows_beside_the_encoder_alone(tmp_path: Path) -> None:
    """What a worker does with a Job, from the stored frames of ingested files to committed rows."""
    folders = {
        f"volume, {SLICES} slices of {SIDE} x {SIDE}": write_series(tmp_path / "volume", SLICES),
        f"{IMAGES} slices of {SIDE} x {SIDE}": write_slices(tmp_path / "slices", IMAGES),
    }
    print_head("disk to rows")
    for name, folder in folders.items():
        project = make_project()
        ingest_sources(project=project, sources=walk_sources([folder]))
        images = Image.objects.in_project(project).values_list("pk", flat=True)
        engine = engine_for(baseline(project))
        prepared = [engine.prepare(source) for source in image_sources(images, features_version="none")]
        floor = median_seconds(lambda model=engine, tiles=prepared: model.encode(tiles))
        whole = median_seconds(lambda of=project: prescore(of), before=forget_scores, clock=seconds_with_database)
        assert Prediction.objects.filter(project=project).count() == len(images)
        waited = median_seconds(lambda of=project: prescore(of), before=forget_scores, clock=time.perf_counter)
        forget_scores()
        print_row(name, prepared, floor, whole, memory_here_mb(lambda of=project: prescore(of)))
        print(f"{'':36} by the clock, reading and storing beside the encoder: {waited:.3f} s, {floor / waited:.0%}")
