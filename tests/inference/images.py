"""Images with real stored frames, small and cheap: a phantom with edges, and as much noise as a test asks for."""

from datetime import timedelta

import numpy as np
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone
from numpy.typing import NDArray

from annotations.dicom.frames import FrameFormat, encode_frame
from annotations.models import Image, Job, Project, User
from annotations.services.jobs import Progress, requeue_lost_jobs, running
from inference.engine import engine_for
from inference.models import ModelVersion
from inference.services.registry import ensure_baseline
from inference.services.runs import prescore_in
from inference.services.scoring import start_prescoring
from tests.factories import make_image, make_reading

SIDE = 64


def phantom(noise: float, seed: int) -> NDArray[np.uint16]:
    """[SIDE, SIDE] stored values of a slice: soft tissue at 40 HU with two bright discs, noise in HU."""
    rows, columns = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    values = np.where(np.hypot(rows, columns) < 28, 40.0, -900.0)
    values[np.hypot(rows - 8, columns) < 6] = 300.0
    values[np.hypot(rows + 10, columns + 9) < 4] = 120.0
    values += np.random.default_rng(seed).normal(0, noise, values.shape)
    return np.clip(values + 1024, 0, 4095).astype(np.uint16)


def store_frame(image: Image, index: int, pixels: NDArray[np.generic], **stored_format: object) -> None:
    """Put a frame where the slice's Instance has it, with the rescale of a CT unless told otherwise."""
    instance = image.slices.get(index=index).instance
    is_colour = pixels.ndim == 3
    fields = {
        "rows": pixels.shape[0],
        "columns": pixels.shape[1],
        "frame_count": 1,
        "samples_per_pixel": 3 if is_colour else 1,
        "bits_allocated": pixels.dtype.itemsize * 8,
        "is_signed": False,
        "photometric_interpretation": "RGB" if is_colour else "MONOCHROME2",
        "intercept": 0.0 if is_colour else -1024.0,
    }
    instance.frame_format = FrameFormat(**(fields | stored_format)).to_json()
    instance.save()
    default_storage.delete(instance.frame_name(1))
    default_storage.save(instance.frame_name(1), ContentFile(encode_frame(pixels)))


def make_stored_image(
    project: Project, *, noise: float = 20.0, seed: int = 0, slices: int = 1, patient_key: str | None = None
) -> Image:
    image = make_image(project, slices=slices, patient_key=patient_key)
    for index in range(slices):
        store_frame(image, index, phantom(noise, seed * 1000 + index))
    return image


def make_read_images(project: Project, reader: User, *, patients: int = 8, each: int = 2) -> list[Image]:
    """Images whose score falls with their noise, from 4 (clean) to 0, read by one reader."""
    images = []
    for number in range(patients * each):
        noise = 30.0 * 1.15**number
        image = make_stored_image(project, noise=noise, seed=number, patient_key=f"patient-{number % patients}")
        keys = [criterion.key for criterion in project.rubrics.get().criteria.all()]
        level = 4.0 - (5 * number) // (patients * each)
        make_reading(project, image, reader, dict.fromkeys(keys, level))
        images.append(image)
    return images


class Reports:
    """A Reporter that remembers, and may raise at a step."""

    def __init__(self, *, raises: Exception | None = None, at: int = 0) -> None:
        self.seen: list[tuple[int, int, str]] = []
        self._raises = raises
        self._at = at

    def report(self, *, done: int, total: int, phase: str = "", message: str = "") -> None:
        self.seen.append((done, total, phase))
        if self._raises is not None and len(self.seen) > self._at:
            raise self._raises


def prescore(project: Project) -> dict[str, int]:
    """Pre-score as a worker does, with the model that is shipped; returns the Job's result."""
    job = start_prescoring(project=project, by=None, now=timezone.now())
    with running(job_id=job.pk) as progress:
        assert isinstance(progress, Progress)
        prescore_in(progress=progress, load=engine_for, now=timezone.now())
    job.refresh_from_db()
    assert job.state == "succeeded", job.message
    return job.result


def lapse_lease(job: Job) -> None:
    """What time does to a Job whose process has died: the sweep gives it back."""
    now = timezone.now()
    Job.objects.filter(pk=job.pk).update(lease_expires_at=now - timedelta(seconds=1))
    assert job.pk in [lost.pk for lost in requeue_lost_jobs(now=now)]


def baseline(project: Project) -> ModelVersion:
    return ensure_baseline(project=project, now=timezone.now())
