"""Addresses from the environment become settings, or a sentence that names the setting."""

from typing import Any

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured

from mediqa_platform.settings.stores import broker_url, database_settings, storage_settings
from mediqa_platform.settings.values import origins, time_zone, whole_number, yes_or_no


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


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("true", True), ("0", False), ("", False)])
def test_yes_and_no(monkeypatch: pytest.MonkeyPatch, value: str, expected: bool) -> None:
    monkeypatch.setenv("MEDIQA_HTTPS", value)
    assert yes_or_no(environ.Env(), "MEDIQA_HTTPS") is expected


@pytest.mark.parametrize(
    ("read", "name", "value"),
    [
        (yes_or_no, "MEDIQA_HTTPS", "maybe"),
        (time_zone, "MEDIQA_TIME_ZONE", "Mars/X"),
        (time_zone, "MEDIQA_TIME_ZONE", "../UTC"),
        (origins, "MEDIQA_TRUSTED_ORIGINS", "foo"),
        (origins, "MEDIQA_TRUSTED_ORIGINS", "https://a.example/path"),
    ],
)
def test_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch, read: Any, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=name):
        read(environ.Env(), name)


def test_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIQA_TRUSTED_ORIGINS", "https://a.example, https://b.example:8443/")
    assert origins(environ.Env(), "MEDIQA_TRUSTED_ORIGINS") == ["https://a.example", "https://b.example:8443"]
