"""Objects in a bucket, for real: the storage that `MEDIQA_STORAGE=s3://...` gives, against an S3 on loopback."""

from collections.abc import Iterator

import boto3
import pytest
from django.core.files.storage import storages
from moto.server import ThreadedMotoServer

from annotations.models import Instance
from annotations.services.ingestion import ingest_sources
from annotations.services.objects import get_object, put_object
from mediqa_platform.settings.stores import storage_settings
from tests.annotations.sent_files import ct_volume, sources
from tests.factories import make_project

BUCKET = "images"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def bucket(endpoint: str, settings, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket as an administrator gives one: its address in the setting, the rest in AWS's own variables."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    for name, value in {"ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret", "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    settings.STORAGES = settings.STORAGES | {"default": storage_settings(f"s3://{BUCKET}/mediqa")}
    return BUCKET


def keys() -> set[str]:
    found = boto3.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return {one["Key"] for one in found}


def test_an_object_is_stored_under_the_prefix_once_and_read_back() -> None:
    for _ in range(2):
        put_object(name="originals/ab/abc", content=b"content")
    assert "mediqa/originals/ab/abc" in keys()
    assert get_object("originals/ab/abc") == b"content"


def test_what_a_crash_left_of_an_object_is_replaced() -> None:
    put_object(name="half", content=b"con")
    put_object(name="half", content=b"content")
    assert get_object("half") == b"content"


def test_an_object_that_is_not_there_is_a_missing_file() -> None:
    with pytest.raises(FileNotFoundError):
        get_object("none")
    storages["default"].delete("none")


def test_a_store_that_is_away_is_an_os_error(monkeypatch: pytest.MonkeyPatch, settings) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    settings.STORAGES = settings.STORAGES | {"default": storage_settings(f"s3://{BUCKET}/elsewhere")}
    with pytest.raises(OSError, match="does not answer as it should"):
        put_object(name="one", content=b"1")
    with pytest.raises(OSError, match="does not answer as it should"):
        get_object("one")


@pytest.mark.django_db
def test_an_ingest_stores_originals_frames_and_thumbnail_in_the_bucket() -> None:
    before = keys()
    summary = ingest_sources(project=make_project(), sources=sources(ct_volume(3)))
    assert summary.images.new == 1
    assert len(keys() - before) == 3 + 3 + 1
    assert all(get_object(one.frame_name(1)) for one in Instance.objects.all())
