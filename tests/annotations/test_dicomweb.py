"""DICOMweb: a client nobody here wrote finds and gets what its user may see, and nothing else."""

import hashlib
import json
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from dicomweb_client import DICOMwebClient
from django.test import Client
from knox.models import AuthToken
from PIL import Image as Picture
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian
from pytest_django.fixtures import DjangoAssertNumQueries
from requests import Session

from annotations.dicom.frames import decode_stored
from annotations.models import Instance, Project, User
from annotations.services.ingestion import ingest_sources
from tests.annotations.dicom.builders import make_dataset, to_bytes
from tests.annotations.sent_files import SERIES, STUDY, ct_slice, ct_volume, png, sources
from tests.factories import make_project, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("objects")]

OTHER_STUDY = f"{STUDY}.8"
OTHER_SERIES = f"{OTHER_STUDY}.1"
INSTANCE = f"/dicomweb/studies/{STUDY}/series/{SERIES}/instances/{SERIES}.2"
STORED = "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.202"
DECODED = "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"


@pytest.fixture
def project() -> Project:
    project = make_project()
    cine = make_dataset(
        np.arange(3 * 6 * 5, dtype=np.uint16).reshape(3, 6, 5),
        StudyInstanceUID=STUDY,
        SeriesInstanceUID=f"{SERIES}.5",
        SOPInstanceUID=f"{SERIES}.5.1",
        Modality="XA",
    )
    files = ct_volume(3) | {"cine.dcm": to_bytes(cine)}
    ingest_sources(project=project, sources=sources(files))
    return project


@pytest.fixture
def other_project() -> Project:
    """A Project with a Study of its own, and with one further slice of the first Project's Series."""
    project = make_project()
    files = ct_volume(2, series=OTHER_SERIES, study=OTHER_STUDY) | {"9.dcm": ct_slice(9)}
    ingest_sources(project=project, sources=sources(files))
    return project


@pytest.fixture
def browser(reader: User, browser_of: Callable[[User], Client]) -> Client:
    return browser_of(reader)


@pytest.fixture
def client(reader: User, live_server: Any) -> Iterator[DICOMwebClient]:
    """dicomweb-client with an API token."""
    _, token = AuthToken.objects.create(reader)
    with Session() as session:
        session.headers["Authorization"] = f"Token {token}"
        yield DICOMwebClient(f"{live_server.url}/dicomweb", session=session)


def value(model: dict[str, Any], tag: str) -> Any:
    return model[tag]["Value"][0]


def test_client_searches_studies_series_and_instances(client: DICOMwebClient, other_project: Project) -> None:
    (study,) = client.search_for_studies()
    assert value(study, "0020000D") == STUDY
    assert study["00080061"]["Value"] == ["CT", "XA"]
    assert (value(study, "00201206"), value(study, "00201208")) == (2, 4)
    series = client.search_for_series(STUDY, search_filters={"Modality": "CT"})
    assert [value(one, "0020000E") for one in series] == [SERIES]
    assert value(series[0], "00201209") == 3
    instances = client.search_for_instances(STUDY, SERIES)
    assert [value(one, "00080018") for one in instances] == [f"{SERIES}.{n}" for n in (1, 2, 3)]
    assert len(client.search_for_instances(limit=2, offset=1)) == 2
    assert client.search_for_studies(search_filters={"StudyDate": "20240201-"}) == []
    assert len(client.search_for_studies(search_filters={"StudyDate": "20240101-20240201"})) == 1


def test_client_gets_all_results_page_by_page(client: DICOMwebClient) -> None:
    assert len(client.search_for_instances(limit=1, get_remaining=True)) == 4


def test_client_retrieves_the_object_as_it_was_sent(client: DICOMwebClient) -> None:
    got = client.retrieve_instance(STUDY, SERIES, f"{SERIES}.2")
    assert got.SOPInstanceUID == f"{SERIES}.2"
    assert np.array_equal(got.pixel_array, dcmread(BytesIO(ct_slice(1))).pixel_array)
    assert len(client.retrieve_series(STUDY, SERIES)) == 3
    assert len(client.retrieve_study(STUDY)) == 4


def test_client_retrieves_metadata_without_the_patient(client: DICOMwebClient) -> None:
    models = client.retrieve_series_metadata(STUDY, SERIES)
    assert [value(model, "00080018") for model in models] == [f"{SERIES}.{n}" for n in (1, 2, 3)]
    assert "SECRET" not in json.dumps(models)
    assert value(client.retrieve_instance_metadata(STUDY, SERIES, f"{SERIES}.1"), "00280010") == 16
    assert len(client.retrieve_study_metadata(STUDY)) == 4


def test_client_retrieves_stored_frames(client: DICOMwebClient) -> None:
    (stored,) = client.retrieve_instance_frames(STUDY, SERIES, f"{SERIES}.2", [1])
    assert np.array_equal(decode_stored(stored), dcmread(BytesIO(ct_slice(1))).pixel_array)
    cine = client.retrieve_instance_frames(STUDY, f"{SERIES}.5", f"{SERIES}.5.1", [3, 1])
    assert [int(decode_stored(frame)[0, 0]) for frame in cine] == [60, 0]


def test_client_retrieves_decoded_frames_when_it_asks_for_them(client: DICOMwebClient) -> None:
    wanted = (("application/octet-stream", str(ExplicitVRLittleEndian)),)
    (raw,) = client.retrieve_instance_frames(STUDY, SERIES, f"{SERIES}.2", [1], media_types=wanted)
    assert raw == dcmread(BytesIO(ct_slice(1))).pixel_array.tobytes()


def test_client_retrieves_rendered_pictures(client: DICOMwebClient) -> None:
    png_bytes = client.retrieve_instance_rendered(STUDY, SERIES, f"{SERIES}.2", media_types=("image/png",))
    picture = np.asarray(Picture.open(BytesIO(png_bytes)))
    assert picture.shape == (16, 12)
    hounsfield = 1001 - 1024
    shown = round(((hounsfield - 39.5) / 399 + 0.5) * 255)  # PS3.3 C.11.2.1.2.1 with centre 40, width 400
    assert picture[5, 5] == shown
    frame = client.retrieve_instance_frames_rendered(
        STUDY, f"{SERIES}.5", f"{SERIES}.5.1", [2], media_types=("image/jpeg",)
    )
    assert Picture.open(BytesIO(frame)).size == (5, 6)


def test_viewer_gets_a_frame_as_it_lies_and_keeps_it(browser: Client) -> None:
    response = browser.get(f"{INSTANCE}/frames/1")
    assert (response.status_code, response["Content-Type"]) == (200, STORED)
    body = b"".join(response.streaming_content)
    instance = Instance.objects.get(sop_instance_uid=f"{SERIES}.2")
    assert int(response["Content-Length"]) == len(body)
    assert decode_stored(body)[5, 5] == 1001
    assert "immutable" in response["Cache-Control"]
    assert "private" in response["Cache-Control"]
    assert instance.sha256 == hashlib.sha256(ct_slice(1)).hexdigest()
    again = browser.get(f"{INSTANCE}/frames/1", headers={"If-None-Match": response["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*", STORED),
        ("application/octet-stream", STORED),
        ("image/jphc", "image/jphc; transfer-syntax=1.2.840.10008.1.2.4.202"),
        (DECODED, DECODED),
        ("image/jls, application/octet-stream;q=0.5", STORED),
        ('multipart/related; type="application/octet-stream"; transfer-syntax=*', "multipart/related"),
        ("image/jls", None),
        ("application/octet-stream; transfer-syntax=1.2.840.10008.1.2.5", None),
    ],
)
def test_frames_come_in_the_form_that_was_asked_for(browser: Client, accept: str, content_type: str | None) -> None:
    response = browser.get(f"{INSTANCE}/frames/1", headers={"Accept": accept})
    if content_type is None:
        assert (response.status_code, response["Content-Type"]) == (406, "application/json")
    else:
        assert response.status_code == 200
        assert response["Content-Type"].startswith(content_type)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{INSTANCE}/frames/0", 404),
        (f"{INSTANCE}/frames/2", 404),
        (f"{INSTANCE}/frames/one", 400),
        (f"{INSTANCE}/rendered?window=1", 400),
        (f"{INSTANCE}/rendered?window=40,400,linear", 200),
        (f"{INSTANCE}/thumbnail", 200),
        (f"/dicomweb/studies/{STUDY}/thumbnail", 200),
        ("/dicomweb/studies?limit=many", 400),
        ("/dicomweb/studies?StudyDate=yesterday", 400),
        ("/dicomweb/studies?includefield=all&fuzzymatching=true", 200),
        ("/dicomweb/series?0020000D=1.2.3", 200),
        (f"/dicomweb/studies/{STUDY}/series?SeriesDescription=ch*", 200),
    ],
)
def test_odd_requests_are_answered_with_their_status(browser: Client, path: str, status: int) -> None:
    assert browser.get(path).status_code == status


@pytest.mark.parametrize("name", ["PatientID", "PatientName", "00100020", "AccessionNumber", "Nonsense"])
def test_search_by_what_is_not_kept_is_refused_instead_of_finding_everything(browser: Client, name: str) -> None:
    response = browser.get(f"/dicomweb/studies?{name}=4711")
    assert response.status_code == 400
    assert "is not possible here" in response.json()["errors"][0]["detail"]


RESOURCES = [
    "studies/{study}",
    "studies/{study}/metadata",
    "studies/{study}/series",
    "studies/{study}/instances",
    "studies/{study}/thumbnail",
    "studies/{study}/series/{series}",
    "studies/{study}/series/{series}/metadata",
    "studies/{study}/series/{series}/instances",
    "studies/{study}/series/{series}/thumbnail",
    "studies/{study}/series/{series}/instances/{series}.1",
    "studies/{study}/series/{series}/instances/{series}.1/metadata",
    "studies/{study}/series/{series}/instances/{series}.1/rendered",
    "studies/{study}/series/{series}/instances/{series}.1/thumbnail",
    "studies/{study}/series/{series}/instances/{series}.1/frames/1",
    "studies/{study}/series/{series}/instances/{series}.1/frames/1/rendered",
    "studies/{study}/series/{series}/instances/{series}.1/frames/1/thumbnail",
]


@pytest.mark.parametrize("resource", RESOURCES)
def test_study_of_another_project_is_not_there(
    browser: Client, other_project: Project, browser_of: Callable[[User], Client], resource: str
) -> None:
    hidden = f"/dicomweb/{resource.format(study=OTHER_STUDY, series=OTHER_SERIES)}"
    assert browser.get(hidden).status_code == 404
    unknown = f"/dicomweb/{resource.format(study='1.2.3', series='1.2.3.4')}"
    assert browser.get(hidden).content == browser.get(unknown).content
    assert browser.get(f"/dicomweb/{resource.format(study=STUDY, series=SERIES)}").status_code == 200
    assert browser_of(make_user()).get(hidden).status_code == 404


@pytest.mark.parametrize("resource", ["studies", "series", "instances", *RESOURCES])
def test_without_sign_in_there_is_401_and_no_page(project: Project, resource: str) -> None:
    response = Client().get(f"/dicomweb/{resource.format(study=STUDY, series=SERIES)}")
    assert (response.status_code, response["Content-Type"]) == (401, "application/json")


def test_slice_that_another_project_took_of_the_same_series_is_hidden(browser: Client, other_project: Project) -> None:
    listed = browser.get(f"/dicomweb/studies/{STUDY}/series/{SERIES}/instances").json()
    assert f"{SERIES}.10" not in [value(one, "00080018") for one in listed]
    assert browser.get(f"/dicomweb/studies/{STUDY}/series/{SERIES}/instances/{SERIES}.10/frames/1").status_code == 404
    assert len(browser.get(f"/dicomweb/studies/{STUDY}/series/{SERIES}/metadata").json()) == 3


def test_path_whose_parts_do_not_belong_together_is_not_there(browser: Client) -> None:
    assert browser.get(f"/dicomweb/studies/{STUDY}/series/{SERIES}.5/instances/{SERIES}.1/frames/1").status_code == 404


@pytest.mark.parametrize("verb", ["post", "put", "patch", "delete"])
def test_nothing_can_be_changed(browser: Client, verb: str) -> None:
    for path in ("/dicomweb/studies", f"/dicomweb/studies/{STUDY}", INSTANCE, f"{INSTANCE}/frames/1"):
        assert getattr(browser, verb)(path).status_code == 405
    assert Instance.objects.count() == 4


def test_wrapped_png_is_retrieved_as_the_dicom_object_it_became(client: DICOMwebClient, project: Project) -> None:
    ingest_sources(project=project, sources=sources({"hip.png": png(7)}))
    (found,) = client.search_for_instances(search_filters={"Modality": "OT"})
    uids = [value(found, tag) for tag in ("0020000D", "0020000E", "00080018")]
    got = client.retrieve_instance(*uids)
    assert got.pixel_array[0, 0] == 7


def test_frame_takes_few_queries_and_metadata_one_for_all_instances(
    browser: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    session_and_user = 2
    with django_assert_max_num_queries(session_and_user + 1):
        browser.get(f"{INSTANCE}/frames/1")
    with django_assert_max_num_queries(session_and_user + 1):
        browser.get(f"/dicomweb/studies/{STUDY}/metadata")
    with django_assert_max_num_queries(session_and_user + 2):
        browser.get("/dicomweb/studies")
