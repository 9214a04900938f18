"""The way in: whatever is sent, twice, at once or cut off, ends in the same rows and objects."""

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.db import OperationalError, connection

from annotations.dicom.archives import walk_sources
from annotations.dicom.frames import decode_stored
from annotations.dicom.physical import PhysicalParameters as HeaderParameters
from annotations.models import (
    Dimension,
    Image,
    Instance,
    PhysicalParameters,
    Project,
    ProjectImage,
    ProjectInstance,
    Series,
    Study,
)
from annotations.services import images as images_service
from annotations.services import ingestion, instances
from annotations.services.ingestion import IngestSummary, Refusal, ingest_sources
from annotations.services.objects import get_object, put_object
from tests.annotations import sent_files
from tests.annotations.dicom.builders import make_dataset, to_bytes
from tests.annotations.sent_files import SERIES, ct_slice, ct_volume, hostile_files, names, png, sources
from tests.factories import make_project

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("objects")]


def ingest(project: Project, files: Mapping[str, bytes], **options: Any) -> tuple[IngestSummary, list[Refusal]]:
    refusals: list[Refusal] = []
    summary = ingest_sources(project=project, sources=sources(files), on_refused=refusals.append, **options)
    return summary, refusals


def row_counts() -> dict[str, int]:
    tables = (Study, Series, Instance, PhysicalParameters, Image, ProjectImage, ProjectInstance)
    return {table.__name__: table.objects.count() for table in tables}


def objects_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_ct_series_becomes_one_volume_in_geometric_order(project: Project) -> None:
    shuffled = dict(sorted(ct_volume(5).items(), key=lambda one: hashlib.sha256(one[0].encode()).hexdigest()))
    summary, refusals = ingest(project, shuffled)
    assert summary.to_json() == {
        "studies": {"new": 1, "already_there": 0},
        "series": {"new": 1, "already_there": 0},
        "images": {"new": 1, "already_there": 0},
        "instances": {"new": 5, "already_there": 0},
        "refused": 0,
    }
    assert refusals == []
    image = Image.objects.in_project(project).get()
    assert image.dimension == Dimension.THREE
    assert (image.slice_spacing_mm, image.row_spacing_mm, image.column_spacing_mm) == (1.0, 0.5, 0.7)
    assert [place.position_mm for place in image.slices.all()] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert (image.windows[0]["center"], image.windows[0]["width"]) == (40.0, 400.0)
    assert default_storage.size(image.thumbnail_name) > 0


def test_stored_frame_and_original_are_those_sent(project: Project) -> None:
    content = ct_slice(3)
    ingest(project, {"a.dcm": content})
    instance = Instance.objects.get()
    assert get_object(instance.original_name) == content
    frame = decode_stored(get_object(instance.frame_name(1)))
    assert frame.shape == (16, 12)
    assert frame[5, 5] == 1003
    assert instance.physical_parameters.tube_voltage_kv == 120
    assert instance.series.description == "Chest"


def test_second_ingest_of_the_same_changes_nothing(project: Project, objects: Path) -> None:
    ingest(project, ct_volume(4))
    rows, stored = row_counts(), objects_in(objects)
    summary, _ = ingest(project, ct_volume(4))
    assert (row_counts(), objects_in(objects)) == (rows, stored)
    counts = summary.to_json()
    assert {name: counts[name] for name in ("studies", "series", "images", "instances")} == {
        "studies": {"new": 0, "already_there": 1},
        "series": {"new": 0, "already_there": 1},
        "images": {"new": 0, "already_there": 1},
        "instances": {"new": 0, "already_there": 4},
    }


def test_same_file_twice_in_one_ingest_is_one_instance(project: Project) -> None:
    summary, refusals = ingest(project, {"a.dcm": ct_slice(0), "copy/a.dcm": ct_slice(0)})
    assert summary.instances.new == 1
    assert refusals == []
    assert Instance.objects.count() == 1


def test_other_bytes_under_a_known_uid_are_refused_and_leave_nothing(project: Project, objects: Path) -> None:
    ingest(project, {"a.dcm": ct_slice(0)})
    stored = objects_in(objects)
    summary, refusals = ingest(project, {"b.dcm": ct_slice(0, KVP=80), "c.dcm": ct_slice(1)})
    assert names(refusals) == {"b.dcm": "conflict"}
    assert summary.instances.new == 1
    assert Instance.objects.get(instance_number=1).physical_parameters.tube_voltage_kv == 120
    assert {name for name in stored if not name.startswith("thumbnails/")} <= set(objects_in(objects))
    conflicting = hashlib.sha256(ct_slice(0, KVP=80)).hexdigest()
    assert not any(conflicting in name for name in objects_in(objects))


def test_conflict_within_one_ingest_refuses_the_later_file(project: Project) -> None:
    _, refusals = ingest(project, {"a.dcm": ct_slice(0), "b.dcm": ct_slice(0, KVP=80)})
    assert names(refusals) == {"b.dcm": "conflict"}


def test_series_uid_of_another_study_is_refused(project: Project) -> None:
    ingest(project, {"a.dcm": ct_slice(0)})
    _, refusals = ingest(project, {"b.dcm": ct_slice(1, study="1.2.3.4")})
    assert names(refusals) == {"b.dcm": "conflict"}
    assert Study.objects.count() == 1


@pytest.mark.parametrize("name", sorted(hostile_files()))
def test_hostile_file_is_refused_with_its_reason_and_the_rest_is_taken(project: Project, name: str) -> None:
    content, reason = hostile_files()[name]
    files = {"0.dcm": ct_slice(0), name: content, "1.dcm": ct_slice(1)}
    summary, refusals = ingest(project, files)
    assert names(refusals) == {name: reason}
    assert summary.instances.new == 2
    assert "SECRET" not in refusals[0].detail


def test_file_without_meta_header_is_taken(project: Project) -> None:
    summary, refusals = ingest(
        project, {"bare": ct_slice(0)[128 + 4 :][ct_slice(0)[128 + 4 :].index(b"\x08\0\x16\0") :]}
    )
    assert refusals == []
    assert summary.instances.new == 1


def test_frames_of_a_file_that_turns_out_bad_are_taken_away(
    project: Project, objects: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_at_second_frame(name: str, content: bytes) -> None:
        if name.endswith("/2"):
            raise ValueError("SECRET-ID")
        put_object(name=name, content=content)

    monkeypatch.setattr(instances, "put_object", break_at_second_frame)
    frames = np.arange(3 * 64, dtype=np.uint16).reshape(3, 8, 8)
    _, refusals = ingest(project, {"cine.dcm": to_bytes(make_dataset(frames))})
    assert names(refusals) == {"cine.dcm": "corrupt"}
    assert "SECRET" not in refusals[0].detail
    assert objects_in(objects) == {}


def test_png_is_wrapped_and_known_again(project: Project) -> None:
    first, _ = ingest(project, {"hip.png": png()})
    second, _ = ingest(project, {"renamed.png": png()})
    assert (first.instances.new, second.instances.new, second.instances.already_there) == (1, 0, 1)
    instance = Instance.objects.get()
    assert instance.source_sha256 == hashlib.sha256(png()).hexdigest()
    assert get_object(f"sources/{instance.source_sha256[:2]}/{instance.source_sha256}") == png()
    assert decode_stored(get_object(instance.frame_name(1)))[0, 0] == 7


def test_slices_that_arrive_later_supersede_the_image(project: Project) -> None:
    ingest(project, {"1.dcm": ct_slice(1)})
    single = Image.objects.in_project(project).get()
    ingest(project, {"2.dcm": ct_slice(2), "0.dcm": ct_slice(0)})
    volume = Image.objects.in_project(project).get()
    assert (single.dimension, volume.dimension) == (Dimension.TWO, Dimension.THREE)
    assert volume.slices.count() == 3
    assert ProjectImage.objects.get(image=single).superseded_by == ProjectImage.objects.get(image=volume)


def test_calibration_case_that_grows_stays_one(project: Project) -> None:
    ingest(project, {"1.dcm": ct_slice(1)})
    ProjectImage.objects.update(is_calibration=True)
    ingest(project, {"2.dcm": ct_slice(2), "0.dcm": ct_slice(0)})
    volume = Image.objects.in_project(project).get()
    assert [one.image for one in ProjectImage.objects.calibrating()] == [volume]


def test_another_project_stores_nothing_twice_and_shares_the_image(project: Project, objects: Path) -> None:
    ingest(project, ct_volume(3))
    stored = objects_in(objects)
    other = make_project()
    summary, _ = ingest(other, ct_volume(3))
    assert summary.instances.new == 3
    assert objects_in(objects) == stored
    assert Image.objects.in_project(other).get() == Image.objects.in_project(project).get()


def test_project_with_one_slice_gets_no_sight_of_anothers_slices(project: Project) -> None:
    """Who sends one slice of a Series must neither see the slices of others nor change their Images."""
    ingest(project, ct_volume(3))
    volume = Image.objects.in_project(project).get()
    other = make_project()
    ingest(other, {"1.dcm": ct_slice(1), "9.dcm": ct_slice(9)})
    assert Image.objects.in_project(other).get().slices.count() == 2
    assert Image.objects.in_project(project).get() == volume


def test_patient_keys_bind_studies_together_and_name_nobody(project: Project) -> None:
    ingest(
        project,
        {
            "a": ct_slice(0, series="1.1.1", study="1.1", PatientID="4711"),
            "b": ct_slice(0, series="1.2.1", study="1.2", PatientID="4711"),
            "c": ct_slice(0, series="1.3.1", study="1.3", PatientID="4711", IssuerOfPatientID="OTHER"),
            "d": ct_slice(0, series="1.4.1", study="1.4", PatientID=""),
            "e": ct_slice(0, series="1.5.1", study="1.5", PatientID=""),
        },
    )
    keys = list(Study.objects.order_by("study_instance_uid").values_list("patient_key", flat=True))
    assert keys[0] == keys[1]
    assert len(set(keys)) == 4
    assert hashlib.sha256(b"4711").hexdigest() not in keys


def test_no_table_holds_a_patients_identity(project: Project) -> None:
    ingest(project, {"a.dcm": ct_slice(0)} | {"bad.dcm": ct_slice(1)[:-50]})
    with connection.cursor() as cursor:
        for model in (Study, Series, Instance, PhysicalParameters, Image):
            cursor.execute(f'SELECT row_to_json(t)::text FROM "{model._meta.db_table}" t')
            assert not [row for (row,) in cursor.fetchall() if "SECRET" in row]


class Killed(BaseException):
    """A process that is gone runs no `except Exception`."""


def kill_at_call(number: int, original: Callable[..., Any]) -> Callable[..., Any]:
    calls = iter(range(1, 10_000))

    def call(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == number:
            raise Killed
        return original(*args, **kwargs)

    return call


@pytest.mark.parametrize(
    ("module", "function"),
    [(ingestion, "record_instances"), (ingestion, "group_series"), (images_service, "_supersede_others")],
    ids=["between storage and rows", "between rows and images", "within the grouping"],
)
@pytest.mark.django_db(transaction=True)
def test_ingest_that_was_cut_off_is_finished_by_the_next(
    project: Project, objects: Path, monkeypatch: pytest.MonkeyPatch, module: Any, function: str
) -> None:
    files = ct_volume(4) | ct_volume(2, series=f"{SERIES}.7")
    with monkeypatch.context() as patched:
        patched.setattr(module, function, kill_at_call(2, getattr(module, function)))
        with pytest.raises(Killed):
            ingest(project, files)
    ingest(project, files)
    assert row_counts() == {
        "Study": 1,
        "Series": 2,
        "Instance": 6,
        "PhysicalParameters": 6,
        "Image": 2,
        "ProjectImage": 2,
        "ProjectInstance": 6,
    }
    frames_originals_thumbnails = 6 + 6 + 2
    assert len(objects_in(objects)) == frames_originals_thumbnails


def test_unfinished_series_of_an_earlier_ingest_gets_its_image(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(ingestion, "group_series", kill_at_call(1, ingestion.group_series))
        with pytest.raises(Killed):
            ingest(project, ct_volume(2))
    assert not Image.objects.exists()
    ingest(project, {"hip.png": png()})
    assert Image.objects.in_project(project).count() == 2


def test_half_an_object_left_by_a_crash_is_replaced(project: Project, objects: Path) -> None:
    content = ct_slice(0)
    sha256 = hashlib.sha256(content).hexdigest()
    for name in (f"originals/{sha256[:2]}/{sha256}", f"frames/{sha256[:2]}/{sha256}/1"):
        (objects / name).parent.mkdir(parents=True)
        (objects / name).write_bytes(b"half")
    ingest(project, {"a.dcm": content})
    instance = Instance.objects.get()
    assert get_object(instance.original_name) == content
    assert decode_stored(get_object(instance.frame_name(1)))[5, 5] == 1000
    assert len(objects_in(objects)) == 3


def test_storage_that_is_full_stops_the_ingest_and_blames_no_file(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(instances, "put_object", full)
    refusals: list[Refusal] = []
    with pytest.raises(OSError, match="No space"):
        ingest_sources(project=project, sources=sources(ct_volume(2)), on_refused=refusals.append)
    assert refusals == []


def test_database_that_is_gone_stops_the_ingest(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(**_: object) -> None:
        raise OperationalError

    monkeypatch.setattr(ingestion, "record_instances", gone)
    with pytest.raises(OperationalError):
        ingest(project, ct_volume(2))


@pytest.mark.django_db(transaction=True)
def test_two_ingests_of_the_same_files_at_once_give_each_row_once(project: Project) -> None:
    files = ct_volume(12) | ct_volume(3, series=f"{SERIES}.7")
    start = threading.Barrier(2)
    outcomes: list[tuple[IngestSummary, list[Refusal]] | BaseException] = []

    def run(order: list[str]) -> None:
        try:
            start.wait()
            outcomes.append(ingest(project, {name: files[name] for name in order}))
        except BaseException as error:
            outcomes.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(order,)) for order in (sorted(files), sorted(files, reverse=True))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcome for outcome in outcomes if isinstance(outcome, BaseException)] == []
    summaries = [outcome[0] for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert sum(summary.instances.new for summary in summaries) == 15
    assert [refusal for outcome in outcomes for refusal in outcome[1]] == []  # type: ignore[index]
    assert row_counts()["Instance"] == 15
    assert Image.objects.in_project(project).count() == 2
    assert sorted(image.slices.count() for image in Image.objects.in_project(project)) == [3, 12]


def test_resumed_ingest_counts_what_its_first_attempt_took_as_new(project: Project) -> None:
    ingest(project, ct_volume(2))
    since = ProjectInstance.objects.earliest("added_at").added_at
    summary, _ = ingest(project, ct_volume(3), since=since)
    assert (summary.studies.new, summary.series.new, summary.instances.new, summary.images.new) == (1, 1, 3, 1)


def test_zip_members_that_lead_out_of_it_are_refused(project: Project, tmp_path: Path) -> None:
    archive = tmp_path / "sent.zip"
    archive.write_bytes(sent_files.zip_of({"../../evil.dcm": ct_slice(0), "good.dcm": ct_slice(1)}))
    refusals: list[Refusal] = []
    summary = ingest_sources(project=project, sources=walk_sources([archive]), on_refused=refusals.append)
    assert [refusal.reason for refusal in refusals] == ["unsafe_name"]
    assert summary.instances.new == 1


def test_physical_parameters_have_a_column_for_every_field_of_the_header_reader() -> None:
    columns = {field.name for field in PhysicalParameters._meta.fields} - {"instance"}
    assert columns == {field.name for field in fields(HeaderParameters)}
