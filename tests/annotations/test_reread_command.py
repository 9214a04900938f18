"""`manage.py reread_originals`: files that an older version took in get what a newer one takes from them."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from annotations.models import Image, Instance, PhysicalParameters, Project
from annotations.services.ingestion import ingest_sources
from tests.annotations.dicom.builders import make_dataset, to_bytes, with_overlay
from tests.annotations.sent_files import ct_slice, png, sources
from tests.factories import make_project

pytestmark = pytest.mark.django_db
UID = "1.2.826.0.1.3680043.10.9"


def run(*arguments: str) -> tuple[int, str]:
    printed = StringIO()
    try:
        call_command("reread_originals", *arguments, stdout=printed)
    except SystemExit as end:
        return int(end.code or 0), printed.getvalue()
    return 0, printed.getvalue()


def drawn_over(number: int) -> bytes:
    dataset = make_dataset(
        SOPInstanceUID=f"{UID}.{number}", SeriesInstanceUID=f"{UID}.{number}.1", PatientName="DOE^JANE"
    )
    return to_bytes(with_overlay(dataset, b"\xff" * 8))


@pytest.fixture
def drawn(project: Project, objects: Path) -> list[Instance]:
    """Three with a drawing over them, as a version that knew none left them."""
    ingest_sources(project=project, sources=sources({f"{number}.dcm": drawn_over(number) for number in range(3)}))
    Instance.objects.update(overlays={})
    return list(Instance.objects.order_by("pk"))


def test_overlays_of_files_taken_in_before_are_filled_in_once(project: Project, drawn: list[Instance]) -> None:
    code, printed = run()
    assert code == 0
    assert "Files read: 3. Changed: 3. Could not be read: 0." in printed
    assert all(len(one.overlays["pictures"]) == 1 for one in Instance.objects.all())
    assert "Changed: 0." in run()[1]


def test_nothing_changes_of_files_that_this_version_took_in(project: Project, objects: Path) -> None:
    ingest_sources(project=project, sources=sources({"a.dcm": ct_slice(0), "b.png": png(), "c.dcm": drawn_over(1)}))
    assert "Files read: 3. Changed: 0." in run()[1]


def test_frames_windows_and_images_stay_as_they_were(project: Project, drawn: list[Instance], objects: Path) -> None:
    written = {path: path.stat().st_mtime_ns for path in objects.rglob("*") if path.is_file()}
    Instance.objects.update(display={"windows": [], "is_inverted": True})
    before = list(Image.objects.order_by("pk").values())
    run()
    assert {path: path.stat().st_mtime_ns for path in objects.rglob("*") if path.is_file()} == written
    assert list(Image.objects.order_by("pk").values()) == before
    assert all(one.display["is_inverted"] for one in Instance.objects.all())


def test_originals_that_are_lost_or_damaged_are_named_and_stop_no_other(drawn: list[Instance], objects: Path) -> None:
    lost, damaged, good = drawn
    (objects / lost.original_name).unlink()
    (objects / damaged.original_name).write_bytes(drawn_over(1)[:-1])
    code, printed = run()
    assert code == 3
    assert "Changed: 1. Could not be read: 2." in printed
    assert f"instance {lost.pk} ({lost.original_name}): the original is not in storage" in printed
    assert f"instance {damaged.pk} ({damaged.original_name}): the original is damaged" in printed
    assert "DOE" not in printed
    assert Instance.objects.exclude(overlays={}).get() == good


def test_physical_parameters_are_filled_in_where_they_are_empty(project: Project, objects: Path) -> None:
    ingest_sources(project=project, sources=sources({"a.dcm": ct_slice(0, KVP=120, ExposureTime=500)}))
    PhysicalParameters.objects.update(tube_voltage_kv=None, exposure_time_ms=7)
    assert "Changed: 1." in run()[1]
    kept = PhysicalParameters.objects.get()
    assert (kept.tube_voltage_kv, kept.exposure_time_ms) == (120, 7)


def test_one_project_can_be_named(drawn: list[Instance]) -> None:
    make_project("empty")
    assert "Files read: 0." in run("--project", "empty")[1]
