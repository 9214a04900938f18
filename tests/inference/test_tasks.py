"""The queues' side: torch only where it is needed, and real processes that are killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from annotations.models import Job, JobKind, JobState
from inference.models import Embedding, ModelVersion, Prediction
from inference.services.scoring import start_prescoring
from inference.tasks import score_images, sweep_unscored_images
from tests.factories import make_image, make_project
from tests.inference.images import baseline, lapse_lease, make_stored_image

DIES_IN_ITS_SECOND_BATCH = """
import sys
import django
django.setup()
from inference.services import scoring
from inference.tasks import score_images
original, calls = scoring._store_predictions, []
def stuck(*arguments):
    original(*arguments)
    calls.append(arguments)
    if len(calls) == 2:  # written, not committed
        print("stuck", flush=True)
        sys.stdin.read()
scoring._store_predictions = stuck
score_images(sys.argv[1])
"""


def environment(objects: Path) -> dict[str, str]:
    """For a process of its own on the test's database and object store."""
    database = connection.settings_dict
    address = f"postgresql://{quote(database['USER'])}@/{quote(database['NAME'])}?host={quote(str(database['HOST']))}"
    if database["PORT"]:
        address += f"&port={database['PORT']}"
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "mediqa_platform.settings.test",
        "MEDIQA_HOME": str(settings.MEDIQA_HOME),
        "DATABASE_URL": address,
        "MEDIQA_STORAGE": str(objects),
    }


@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_loses_and_doubles_nothing(objects):
    project = make_project()
    images = [make_stored_image(project, seed=seed) for seed in range(20)]
    job = start_prescoring(project=project, by=None, now=timezone.now())
    worker = subprocess.Popen(
        [sys.executable, "-c", DIES_IN_ITS_SECOND_BATCH, str(job.pk)],
        env=environment(objects),
        cwd=settings.BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "stuck\n"
        worker.send_signal(signal.SIGKILL)
    kept = Prediction.objects.count()
    assert 0 < kept < 20
    lapse_lease(job)
    score_images(str(job.pk))
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED
    assert job.result["scored"] == 20 - kept
    assert sorted(Prediction.objects.values_list("image_id", flat=True)) == [image.pk for image in images]
    assert Embedding.objects.count() == 20


@pytest.mark.parametrize("module", ["inference.tasks", "mediqa_platform.urls", "annotations.tasks"])
def test_workers_of_the_default_queue_and_the_web_leave_torch_alone(module):
    code = (
        "import django, sys; django.setup(); "
        f"import {module}, inference.services.registry, inference.services.finetuning, inference.admin; "
        "sys.exit('torch' in sys.modules)"
    )
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "mediqa_platform.settings.test"}
    subprocess.run([sys.executable, "-c", code], env=environ, cwd=settings.BASE_DIR, check=True)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("objects")
def test_the_sweep_sends_one_prescoring_for_each_project_with_something_to_score(monkeypatch):
    sent: list[Job] = []
    monkeypatch.setattr("annotations.queueing.send", sent.append)
    waiting, done = make_project(), make_project()
    make_image(waiting)
    sweep_unscored_images()
    sweep_unscored_images()
    assert [(job.project, job.kind) for job in sent] == [(waiting, JobKind.PRESCORE)]
    assert ModelVersion.objects.get().project == waiting
    assert not done.jobs.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("objects")
def test_one_project_that_cannot_be_prescored_does_not_stop_the_sweep(monkeypatch):
    sent: list[Job] = []
    monkeypatch.setattr("annotations.queueing.send", sent.append)
    first, second = make_project(), make_project()
    for project in (first, second):
        make_image(project)
    baseline(second)
    monkeypatch.setattr("inference.services.registry.read_shipped", lambda checkpoint: (_ for _ in ()).throw(missing()))
    sweep_unscored_images()
    assert [job.project for job in sent] == [second]


def missing() -> Exception:
    from inference.errors import CheckpointMissing

    return CheckpointMissing("The model is not there.")
