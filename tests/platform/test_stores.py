"""Addresses from the environment become settings, or a sentence that names the setting."""

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured

from mediqa_platform.settings.stores import broker_url, database_settings, storage_settings, whole_number


def test_database_address_with_password_port_and_options() -> None:
    found = database_settings("postgresql://me:se%40cret@db.example:6432/iqa?sslmode=require")
    assert (found["HOST"], found["PORT"], found["NAME"]) == ("db.example", "6432", "iqa")
    assert (found["USER"], found["PASSWORD"]) == ("me", "se@cret")
    assert found["OPTIONS"]["sslmode"] == "require"


def test_database_address_on_a_unix_socket() -> None:
    assert database_settings("postgresql:///iqa?host=/run/postgres")["HOST"] == "/run/postgres"


@pytest.mark.parametrize("url", ["mysql://db/iqa", "sqlite:///x", "db.example", "postgresql://db/iqa?nonsense=1"])
def test_wrong_database_address_is_named(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
        database_settings(url)


def test_broker_addresses() -> None:
    assert broker_url("valkey://host:6379/0") == "redis://host:6379/0"
    assert broker_url("amqp://user:pw@host//") == "amqp://user:pw@host//"
    with pytest.raises(ImproperlyConfigured, match="BROKER_URL"):
        broker_url("kafka://host")


@pytest.mark.parametrize("value", ["abc", "0", "-1", ""])
def test_wrong_number_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("MEDIQA_SESSION_SECONDS", value)
    with pytest.raises(ImproperlyConfigured, match="MEDIQA_SESSION_SECONDS"):
        whole_number(environ.Env(), "MEDIQA_SESSION_SECONDS", 60)


def test_storage_is_a_folder_or_a_bucket() -> None:
    assert storage_settings("/srv/objects")["OPTIONS"]["location"] == "/srv/objects"
    bucket = storage_settings("s3://bucket/some/prefix")
    assert bucket["BACKEND"].endswith("ObjectBucket")
    assert (bucket["OPTIONS"]["bucket_name"], bucket["OPTIONS"]["location"]) == ("bucket", "some/prefix")
    for wrong in ("ftp://host/x", "s3://"):
        with pytest.raises(ImproperlyConfigured, match="MEDIQA_STORAGE"):
            storage_settings(wrong)
