"""`manage.py ingest`: its table, its refusals, its exit codes."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from pydicom.data import get_testdata_file

from annotations.management.commands import ingest as ingest_command
from annotations.models import Image, Instance, Project
from tests.annotations.sent_files import ct_slice, ct_volume, png, write_files, zip_of
from tests.factories import make_project

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("objects")]


@pytest.fixture
def project() -> Project:
    return make_project("chest")


def run(*arguments: Any) -> tuple[int, str]:
    printed = StringIO()
    try:
        call_command("ingest", *map(str, arguments), "--project", "chest", stdout=printed)
    except SystemExit as end:
        return int(end.code or 0), printed.getvalue()
    return 0, printed.getvalue()


def test_folder_is_taken_and_known_the_second_time(project: Project, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "sent", ct_volume(3) | {"hip.png": png()})
    report = tmp_path / "report.json"
    first, printed = run(folder, "--json", report)
    assert first == 0
    assert "already there" in printed
    assert json.loads(report.read_text()) == {
        "studies": {"new": 2, "already_there": 0},
        "series": {"new": 2, "already_there": 0},
        "images": {"new": 2, "already_there": 0},
        "instances": {"new": 4, "already_there": 0},
        "refused": 0,
        "refusals": [],
    }
    second, _ = run(folder, "--json", report)
    assert second == 0
    assert json.loads(report.read_text())["instances"] == {"new": 0, "already_there": 4}


def test_refused_file_is_named_with_its_reason_and_ends_with_3(project: Project, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "sent", ct_volume(2) | {"notes[1].txt": b"no image"})
    report = tmp_path / "report.json"
    code, printed = run(folder, "--json", report)
    assert code == 3
    assert "refused notes[1].txt: This is neither DICOM nor PNG, JPEG, TIFF or NIfTI." in printed
    assert json.loads(report.read_text())["refusals"] == [
        {
            "name": "notes[1].txt",
            "reason": "not_an_image_file",
            "detail": "This is neither DICOM nor PNG, JPEG, TIFF or NIfTI.",
        }
    ]
    assert Instance.objects.count() == 2


def test_zip_and_single_file_are_taken_together(project: Project, tmp_path: Path) -> None:
    archive = tmp_path / "sent.zip"
    archive.write_bytes(zip_of(ct_volume(2)))
    single = tmp_path / "third"
    single.write_bytes(ct_slice(2))
    code, _ = run(archive, single)
    assert code == 0
    assert Image.objects.in_project(project).get().slices.count() == 3


def test_zip_bomb_is_refused_and_the_rest_is_taken(project: Project, tmp_path: Path) -> None:
    (tmp_path / "bomb.zip").write_bytes(zip_of({"zeros.dcm": bytes(50 * 2**20)}))
    code, printed = run(tmp_path / "bomb.zip", write_files(tmp_path / "sent", ct_volume(1)))
    assert code == 3
    assert "(archive_bomb)" in printed
    assert Instance.objects.count() == 1


def test_dicomdir_is_neither_taken_nor_refused(project: Project, tmp_path: Path) -> None:
    index = Path(str(get_testdata_file("DICOMDIR"))).read_bytes()
    code, _ = run(write_files(tmp_path / "cd", ct_volume(1) | {"DICOMDIR": index}))
    assert code == 0
    assert Instance.objects.count() == 1


def not_begun(*arguments: str) -> str:
    with pytest.raises(CommandError) as refused:
        call_command("ingest", *arguments, stdout=StringIO())
    assert refused.value.returncode == 2
    return str(refused.value)


def test_unknown_project_is_named_with_those_that_there_are(project: Project, tmp_path: Path) -> None:
    assert not_begun(str(tmp_path), "--project", "chets") == "There is no project chets. Known: chest."


def test_missing_path_is_named(project: Project, tmp_path: Path) -> None:
    assert "There is no file or folder" in not_begun(str(tmp_path / "nowhere"), "--project", "chest")


def test_report_into_a_missing_folder_is_refused_before_anything_is_read(project: Project, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "sent", ct_volume(1))
    not_begun(str(folder), "--project", "chest", "--json", str(tmp_path / "nowhere" / "report.json"))
    assert not Instance.objects.exists()


def test_database_that_is_not_running_is_said_with_what_to_do(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away:
        def filter(self, **_: object) -> None:
            raise OperationalError("connection refused")

    monkeypatch.setattr(ingest_command.Project, "objects", Away())
    assert "python manage.py up" in not_begun(str(tmp_path), "--project", "chest")


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (OSError(28, "full"), 1)])
def test_ingest_that_is_stopped_says_how_to_go_on(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    def stop(**_: object) -> None:
        raise error

    monkeypatch.setattr(ingest_command, "ingest_sources", stop)
    with pytest.raises(CommandError, match="Run the same command again") as stopped:
        call_command("ingest", str(tmp_path), "--project", "chest", stdout=StringIO())
    assert stopped.value.returncode == code
