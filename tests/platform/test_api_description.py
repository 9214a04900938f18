"""The API describes itself, and the description is kept: drf-spectacular has nothing to warn of."""

import io

import pytest
from django.core.management import call_command
from django.test import Client

from tests.factories import make_user


def test_openapi_schema_is_valid_and_complete() -> None:
    written = io.StringIO()
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=written)
    assert "/api/v1/projects/{slug}/worklist/" in written.getvalue()


@pytest.mark.django_db
def test_schema_and_its_page_are_served_under_the_policy() -> None:
    client = Client()
    client.force_login(make_user())
    assert client.get("/api/v1/schema/").status_code == 200
    page = client.get("/api/v1/docs/")
    assert page.status_code == 200
    assert b"<script>" not in page.content
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]


@pytest.mark.django_db
def test_health_and_readiness() -> None:
    client = Client()
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready", "database": True, "broker": True}


def test_every_response_carries_the_policy() -> None:
    policy = Client().get("/healthz").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "'unsafe-eval'" not in policy
