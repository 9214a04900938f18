"""`kill -9` in the middle of an ingest, for real: another process, the real database, the real storage."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, transaction

from annotations.models import Image, Instance, Project, Series, Study
from tests.annotations.sent_files import SERIES, STUDY, ct_volume, write_files
from tests.factories import make_instance, make_project

pytestmark = pytest.mark.django_db(transaction=True)
CHECKOUT = Path(__file__).parents[2]


def start_ingest(folder: Path, objects: Path) -> "subprocess.Popen[bytes]":
    database = connection.settings_dict
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "mediqa_platform.settings.production",
        "DATABASE_URL": f"postgresql:///{database['NAME']}?host={database['HOST']}&port={database['PORT']}"
        f"&user={database['USER']}",
        "MEDIQA_HOME": str(settings.MEDIQA_HOME),
        "MEDIQA_STORAGE": str(objects),
    }
    command = [sys.executable, str(CHECKOUT / "manage.py"), "ingest", str(folder), "--project", "chest"]
    return subprocess.Popen(command, env=environment, cwd=CHECKOUT, stdout=subprocess.DEVNULL)


def is_somebody_waiting_for_us() -> bool:
    """For this very connection: vacuums of the server hold locks too, and for these an ingest waits at any file."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
        )
        return bool(cursor.fetchone()[0])


@pytest.fixture
def project() -> Project:
    return make_project("chest")


def test_ingest_killed_in_the_middle_is_finished_by_the_next(project: Project, tmp_path: Path) -> None:
    folder, objects = write_files(tmp_path / "sent", ct_volume(8)), tmp_path / "objects"
    study = Study.objects.create(study_instance_uid=STUDY, patient_key="k")
    series = Series.objects.create(study=study, series_instance_uid=SERIES, modality="CT")
    with transaction.atomic():
        blocking = make_instance(series, index=4)  # the fifth file's UID, uncommitted: its ingest has to wait here
        process = start_ingest(folder, objects)
        while not is_somebody_waiting_for_us():
            assert process.poll() is None, "the ingest ended before it came to the fifth file"
        process.send_signal(signal.SIGKILL)
        process.wait()
        blocking.delete()
    taken_before = set(Instance.objects.values_list("pk", flat=True))
    assert len(taken_before) == 4
    assert not Image.objects.exists()

    assert start_ingest(folder, objects).wait() == 0

    assert taken_before < set(Instance.objects.values_list("pk", flat=True))
    assert Instance.objects.count() == 8
    assert Image.objects.in_project(project).get().slices.count() == 8
    frames_originals_thumbnail = 8 + 8 + 1
    stored = [path for path in objects.rglob("*") if path.is_file() and not path.name.startswith(".")]
    assert len(stored) == frames_originals_thumbnail
