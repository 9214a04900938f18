"""Uploads: open, send, start, and what becomes of them; who may."""

import errno
import uuid
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone
from pydicom.data import get_testdata_file
from rest_framework.test import APIClient

from annotations import tasks
from annotations.dicom import trial
from annotations.models import IngestRefusal, Instance, Job, JobState, Project, ProjectInstance, Role, StagedFile, User
from annotations.services import ingestion, jobs, uploads
from annotations.services.uploads import safe_name
from tests.annotations.dicom import killers
from tests.annotations.sent_files import ct_slice, ct_volume, png, zip_of
from tests.factories import make_member, make_project, make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("objects")]
SignIn = Callable[[User | None], APIClient]


@pytest.fixture
def project() -> Project:
    return make_project("chest")


@pytest.fixture
def manager(project: Project) -> User:
    return make_member(project, Role.MANAGER)


@pytest.fixture
def sent_jobs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was sent to the broker, instead of a broker."""
    sent: list[str] = []
    monkeypatch.setattr("annotations.queueing.send", lambda job: sent.append(str(job.pk)))
    return sent


def as_file(name: str, content: bytes) -> BytesIO:
    stream = BytesIO(content)
    stream.name = name
    return stream


def open_upload(client: APIClient) -> str:
    response = client.post("/api/v1/projects/chest/ingests/")
    assert response.status_code == 201, response.content
    return str(response.json()["id"])


def send_files(client: APIClient, job_id: str, files: dict[str, bytes]) -> Any:
    fields = {"files": [as_file(Path(name).name, content) for name, content in files.items()], "paths": list(files)}
    return client.post(f"/api/v1/ingests/{job_id}/files/", fields, format="multipart")


def staged_objects(objects: Path) -> list[Path]:
    return [path for path in (objects / "staged").rglob("*") if path.is_file()]


def test_upload_is_taken_in_and_nothing_stays_staged(
    api: SignIn, manager: User, project: Project, sent_jobs: list[str], objects: Path
) -> None:
    client = api(manager)
    job_id = open_upload(client)
    archive = {"study.zip": zip_of(ct_volume(3))}
    assert send_files(client, job_id, archive).json() == {"staged": 1}
    assert send_files(client, job_id, {"a/hip.png": png(), "a/notes.txt": b"no image"}).json() == {"staged": 2}
    started = client.post(f"/api/v1/ingests/{job_id}/start/")
    assert (started.status_code, started.json()["state"]) == (200, "queued")
    assert sent_jobs == [job_id]

    tasks.run_ingest(job_id)

    ended = client.get(f"/api/v1/jobs/{job_id}/").json()
    assert ended["state"] == "succeeded", ended
    assert ended["result"]["instances"] == {"new": 4, "already_there": 0}
    assert ended["result"]["images"] == {"new": 2, "already_there": 0}
    refusals = client.get(f"/api/v1/ingests/{job_id}/refusals/").json()["results"]
    assert [(one["name"], one["reason"]) for one in refusals] == [("a/notes.txt", "not_an_image_file")]
    assert staged_objects(objects) == []
    assert not StagedFile.objects.exists()


def test_refusals_are_told_in_the_language_with_what_stands_in_them(
    api: SignIn, manager: User, sent_jobs: list[str]
) -> None:
    client = api(manager)
    job_id = open_upload(client)
    send_files(client, job_id, {"short.dcm": ct_slice(0, PixelData=b"\0" * 100), "100%.zip": b"PK\x03\x04 no more"})
    client.post(f"/api/v1/ingests/{job_id}/start/")
    tasks.run_ingest(job_id)

    def told(language: str) -> list[str]:
        answer = client.get(f"/api/v1/ingests/{job_id}/refusals/", headers={"Accept-Language": language}).json()
        return sorted(one["detail"] for one in answer["results"])

    assert told("en") == [
        "The pixel data end after 100 of 384 declared bytes.",
        "The zip archive is damaged or cut off.",
    ]
    assert told("de") == [
        "Das Zip-Archiv ist beschädigt oder abgeschnitten.",
        "Die Pixeldaten enden nach 100 von 384 angegebenen Bytes.",
    ]
    stored = IngestRefusal.objects.get(name="short.dcm")
    assert (stored.detail, stored.values) == (told("en")[0], {"count": 100, "needed": 384})


def test_task_that_runs_again_changes_nothing(api: SignIn, manager: User, sent_jobs: list[str]) -> None:
    client = api(manager)
    job_id = open_upload(client)
    send_files(client, job_id, ct_volume(2))
    client.post(f"/api/v1/ingests/{job_id}/start/")
    tasks.run_ingest(job_id)
    before = client.get(f"/api/v1/jobs/{job_id}/").json()
    tasks.run_ingest(job_id)
    assert client.get(f"/api/v1/jobs/{job_id}/").json() == before


def test_ingest_whose_worker_was_killed_is_finished_by_another(
    api: SignIn, manager: User, sent_jobs: list[str], monkeypatch: pytest.MonkeyPatch, objects: Path
) -> None:
    client = api(manager)
    job_id = open_upload(client)
    send_files(client, job_id, ct_volume(5) | {"0.txt": b"no image"})
    client.post(f"/api/v1/ingests/{job_id}/start/")
    original = ingestion.record_instances

    def take_two(**fields: Any) -> Any:
        if ProjectInstance.objects.count() == 2:
            raise KeyboardInterrupt
        return original(**fields)

    with monkeypatch.context() as patched:
        patched.setattr(ingestion, "record_instances", take_two)
        patched.setattr(jobs, "_end", lambda *_: None)  # a killed process writes no ending
        with pytest.raises(KeyboardInterrupt):
            tasks.run_ingest(job_id)
    assert Job.objects.get().state == JobState.RUNNING

    lost = jobs.requeue_lost_jobs(now=timezone.now() + timedelta(minutes=1))
    assert [str(job.pk) for job in lost] == [job_id]
    tasks.run_ingest(job_id)

    ended = client.get(f"/api/v1/jobs/{job_id}/").json()
    assert ended["state"] == "succeeded"
    assert ended["result"]["instances"] == {"new": 5, "already_there": 0}
    assert Instance.objects.count() == 5
    assert IngestRefusal.objects.count() == 1
    assert staged_objects(objects) == []


def test_a_file_that_killed_the_worker_is_refused_by_the_next_and_the_rest_is_taken(
    api: SignIn, manager: User, sent_jobs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "COMMAND", killers.COMMAND)
    client = api(manager)
    job_id = open_upload(client)
    send_files(client, job_id, {"a.dcm": ct_slice(0), "deadly.dcm": killers.KILLS, "z.dcm": ct_slice(1)})
    client.post(f"/api/v1/ingests/{job_id}/start/")
    assert jobs._take(job_id, uuid.uuid4(), timezone.now() - timedelta(minutes=1)) is not None  # and died of it
    jobs.requeue_lost_jobs(now=timezone.now())

    tasks.run_ingest(job_id)

    ended = client.get(f"/api/v1/jobs/{job_id}/").json()
    assert (ended["state"], ended["result"]["instances"]["new"]) == ("succeeded", 2)
    (refusal,) = IngestRefusal.objects.all()
    assert (refusal.name, refusal.reason) == ("deadly.dcm", "undecodable")
    assert "crash" in refusal.detail


def test_storage_that_fails_within_a_zip_blames_no_file_and_is_tried_again(
    api: SignIn, manager: User, sent_jobs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = api(manager)
    job_id = open_upload(client)
    send_files(client, job_id, {"study.zip": zip_of(ct_volume(3))})
    client.post(f"/api/v1/ingests/{job_id}/start/")
    with monkeypatch.context() as patched:
        patched.setattr(uploads, "default_storage", FailingStorage())
        with pytest.raises(OSError, match="Input/output error"):
            tasks.run_ingest(job_id)
    assert not IngestRefusal.objects.exists()
    assert Job.objects.get().state == JobState.RUNNING, "its lease lapses, and it is given back"

    jobs.requeue_lost_jobs(now=timezone.now() + timedelta(minutes=1))
    tasks.run_ingest(job_id)
    assert Instance.objects.count() == 3


class FailingStorage:
    """Reads the directory of an archive at its end, and nothing before it."""

    def open(self, name: str, mode: str) -> BytesIO:
        class HalfGone(BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                if 4 < self.tell() < 200:
                    raise OSError(errno.EIO, "Input/output error")
                return super().read(size)

        return HalfGone(default_storage.open(name, mode).read())


def test_refusals_that_share_a_name_are_all_listed(api: SignIn, manager: User, sent_jobs: list[str]) -> None:
    client = api(manager)
    job_id = open_upload(client)
    for content in (b"one", b"two", b"three"):
        send_files(client, job_id, {"IM0001": content})
    client.post(f"/api/v1/ingests/{job_id}/start/")
    tasks.run_ingest(job_id)
    assert client.get(f"/api/v1/jobs/{job_id}/").json()["result"]["refused"] == 3
    assert client.get(f"/api/v1/ingests/{job_id}/refusals/").json()["count"] == 3


def test_a_dicomdir_that_came_alone_is_refused_and_beside_its_files_it_is_not(
    api: SignIn, manager: User, sent_jobs: list[str]
) -> None:
    client = api(manager)
    directory = Path(str(get_testdata_file("DICOMDIR"))).read_bytes()
    alone, accompanied = {"DICOMDIR": directory}, {"DICOMDIR": directory, "a": ct_slice(0)}
    for files, refused in ((alone, ["dicomdir_alone"]), (accompanied, [])):
        job_id = open_upload(client)
        send_files(client, job_id, files)
        client.post(f"/api/v1/ingests/{job_id}/start/")
        tasks.run_ingest(job_id)
        refusals = client.get(f"/api/v1/ingests/{job_id}/refusals/").json()["results"]
        assert [one["reason"] for one in refusals] == refused


def test_a_storage_that_stays_away_never_ends_an_upload_for_good(
    api: SignIn, manager: User, sent_jobs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = api(manager)
    job_id = open_upload(client)
    send_files(client, job_id, {"study.zip": zip_of(ct_volume(2))})
    client.post(f"/api/v1/ingests/{job_id}/start/")
    with monkeypatch.context() as patched:
        patched.setattr(uploads, "default_storage", FailingStorage())
        for _ in range(2 * jobs.MOST_ATTEMPTS):
            with pytest.raises(OSError, match="Input/output error"):
                tasks.run_ingest(job_id)
            jobs.requeue_lost_jobs(now=timezone.now() + timedelta(minutes=1))
    assert Job.objects.get().state == JobState.QUEUED
    tasks.run_ingest(job_id)
    assert Job.objects.get().state == JobState.SUCCEEDED


def test_cancelled_upload_deletes_what_was_staged(
    api: SignIn, manager: User, sent_jobs: list[str], objects: Path
) -> None:
    client = api(manager)
    job_id = open_upload(client)
    send_files(client, job_id, ct_volume(2))
    assert client.post(f"/api/v1/jobs/{job_id}/cancel/").json()["state"] == "cancelled"
    assert staged_objects(objects) == []
    assert client.post(f"/api/v1/jobs/{job_id}/cancel/").status_code == 409
    assert send_files(client, job_id, ct_volume(1)).json()["errors"][0]["code"] == "not_staged"


def test_cancelling_a_running_ingest_stops_it_and_keeps_what_was_taken(
    api: SignIn, manager: User, sent_jobs: list[str], monkeypatch: pytest.MonkeyPatch, objects: Path
) -> None:
    client = api(manager)
    job_id = open_upload(client)
    send_files(client, job_id, ct_volume(3))
    client.post(f"/api/v1/ingests/{job_id}/start/")
    monkeypatch.setattr(jobs, "REPORT_SECONDS", -1.0)
    original = ingestion.record_instances

    def cancel_after_first(**fields: Any) -> Any:
        taken = original(**fields)
        client.post(f"/api/v1/jobs/{job_id}/cancel/")
        return taken

    monkeypatch.setattr(ingestion, "record_instances", cancel_after_first)
    tasks.run_ingest(job_id)
    assert client.get(f"/api/v1/jobs/{job_id}/").json()["state"] == "cancelled"
    assert Instance.objects.count() == 1
    assert not IngestRefusal.objects.exists()
    assert staged_objects(objects) == []


def test_empty_upload_cannot_be_started(api: SignIn, manager: User, sent_jobs: list[str]) -> None:
    client = api(manager)
    refused = client.post(f"/api/v1/ingests/{open_upload(client)}/start/")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "nothing_staged")


def test_started_upload_takes_no_more_files(api: SignIn, manager: User, sent_jobs: list[str], objects: Path) -> None:
    client = api(manager)
    job_id = open_upload(client)
    send_files(client, job_id, ct_volume(1))
    client.post(f"/api/v1/ingests/{job_id}/start/")
    assert client.post(f"/api/v1/ingests/{job_id}/start/").status_code == 409
    assert send_files(client, job_id, {"late.dcm": ct_slice(9)}).status_code == 409
    assert len(staged_objects(objects)) == 1
    assert len(sent_jobs) == 1


def test_limits_are_said_and_held(api: SignIn, manager: User, settings: Any, objects: Path) -> None:
    client = api(manager)
    job_id = open_upload(client)
    settings.UPLOAD_MAX_FILES = 2
    assert send_files(client, job_id, ct_volume(3)).json()["errors"][0]["code"] == "upload_too_large"
    settings.UPLOAD_MAX_FILES, settings.UPLOAD_MAX_BYTES = 9, 100
    assert send_files(client, job_id, ct_volume(1)).status_code == 400
    settings.UPLOAD_REQUEST_MAX_BYTES = 100
    assert send_files(client, job_id, ct_volume(1)).status_code == 413
    assert staged_objects(objects) == []


def test_request_without_files_or_with_too_few_paths_is_refused(api: SignIn, manager: User) -> None:
    client = api(manager)
    url = f"/api/v1/ingests/{open_upload(client)}/files/"
    assert client.post(url, {}, format="multipart").status_code == 400
    two_files = {"files": [as_file("a", b"1"), as_file("b", b"2")], "paths": ["only/one"]}
    assert client.post(url, two_files, format="multipart").json()["errors"][0]["attr"].startswith("paths")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("/abs/a.dcm", "abs/a.dcm"),
        ("C:\\scans\\..\\a.dcm", "C:/scans/a.dcm"),
        ("a\r\nb\0.dcm", "ab.dcm"),
        ("..", "unnamed"),
        ("x" * 600, "x" * 500),
    ],
)
def test_names_are_made_harmless(sent: str, kept: str) -> None:
    assert safe_name(sent) == kept


def test_left_over_uploads_are_discarded(api: SignIn, manager: User, objects: Path) -> None:
    client = api(manager)
    job_id, empty_id = open_upload(client), open_upload(client)
    send_files(client, job_id, ct_volume(1))
    uploads.discard_left_over(now=timezone.now())
    assert len(staged_objects(objects)) == 1
    uploads.discard_left_over(now=timezone.now() + timedelta(days=2))
    assert staged_objects(objects) == []
    for ended in (job_id, empty_id):
        assert Job.objects.get(pk=ended).state == JobState.CANCELLED


@pytest.mark.parametrize(
    ("role", "opens", "looks"),
    [(Role.MANAGER, 201, 200), (Role.ML_ENGINEER, 403, 200), (Role.READER, 403, 403), (None, 404, 404)],
)
def test_managers_upload_ml_staff_look_and_strangers_find_nothing(
    api: SignIn, project: Project, manager: User, role: Role | None, opens: int, looks: int
) -> None:
    job_id = open_upload(api(manager))
    user = make_member(project, role) if role else make_member(make_project(), Role.MANAGER)
    client = api(user)
    assert client.post("/api/v1/projects/chest/ingests/").status_code == opens
    assert client.get(f"/api/v1/ingests/{job_id}/").status_code == looks
    assert client.get(f"/api/v1/ingests/{job_id}/refusals/").status_code == looks
    for action in ("start", "files"):
        expected = {201: 400, 403: 403, 404: 404}[opens]  # the manager sent no file
        assert client.post(f"/api/v1/ingests/{job_id}/{action}/", format="multipart").status_code == expected


def test_jobs_are_seen_and_cancelled_by_those_who_may(api: SignIn, project: Project, manager: User) -> None:
    job_id = open_upload(api(manager))
    for user, expected, cancelling in (
        (make_member(project, Role.READER), 404, 404),
        (make_user(), 404, 404),
        (make_member(project, Role.ML_ENGINEER), 200, 403),
    ):
        assert api(user).get(f"/api/v1/jobs/{job_id}/").status_code == expected
        assert api(user).post(f"/api/v1/jobs/{job_id}/cancel/").status_code == cancelling
    assert api(manager).post(f"/api/v1/jobs/{job_id}/cancel/").status_code == 200
    assert api(None).get(f"/api/v1/jobs/{job_id}/").status_code == 401
    assert api(manager).get(f"/api/v1/jobs/{uuid.uuid4()}/").status_code == 404


def test_images_are_listed_with_thumbnails_for_members_only(
    api: SignIn, project: Project, manager: User, sent_jobs: list[str]
) -> None:
    client = api(manager)
    job_id = open_upload(client)
    send_files(client, job_id, ct_volume(3) | {"hip.png": png()})
    client.post(f"/api/v1/ingests/{job_id}/start/")
    tasks.run_ingest(job_id)
    reader = api(make_member(project, Role.READER))
    listed = reader.get("/api/v1/projects/chest/images/").json()["results"]
    assert [(one["modality"], one["dimension"], one["slice_count"]) for one in listed] == [
        ("CT", "3D", 3),
        ("OT", "2D", 1),
    ]
    assert reader.get("/api/v1/projects/chest/images/?modality=CT").json()["count"] == 1
    thumbnail = reader.get(listed[0]["thumbnail_url"])
    assert b"".join(thumbnail.streaming_content).startswith(b"\xff\xd8")
    assert "private" in thumbnail["Cache-Control"]
    stranger = api(make_member(make_project(), Role.MANAGER))
    assert stranger.get("/api/v1/projects/chest/images/").status_code == 404
    assert stranger.get(listed[0]["thumbnail_url"]).status_code == 404
