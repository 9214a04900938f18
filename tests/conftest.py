"""Real services for every test: an embedded PostgreSQL and Valkey in the data folder of the process that runs it."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import translation
from rest_framework.test import APIClient

from annotations.models import User
from mediqa_platform.supervisor.frontend import Checkout, build, needs_build
from mediqa_platform.supervisor.plan import usable_cores
from mediqa_platform.supervisor.postgres import EmbeddedPostgres
from mediqa_platform.supervisor.valkey import EmbeddedValkey
from tests.e2e.browser import has_firefox

MEASURES = re.compile(r"(?<!not )\b(benchmark|gpu)\b")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One test process for each core; none beside this one for what is measured, and for a single file."""
    places = {argument.partition("::")[0] for argument in config.args}
    is_one_file = len(places) == 1 and Path(*places).is_file()
    return 0 if is_one_file or MEASURES.search(config.option.markexpr) else usable_cores()


def pytest_xdist_setupnodes(specs: list[Any]) -> None:
    """Each test process has a data folder of its own, and so its own servers: no test sees another one's locks."""
    for number, spec in enumerate(specs):
        home = django_settings.MEDIQA_HOME / str(number)
        home.mkdir(exist_ok=True)
        spec.env["MEDIQA_HOME"] = str(home)


def pytest_report_header() -> str | None:
    return None if has_firefox() else "no Firefox here, or no Xvfb: what is marked firefox is deselected"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files that start the product come first: they take longest, and short ones fill up the end."""
    if not has_firefox():
        config.hook.pytest_deselected(items=[item for item in items if "firefox" in item.keywords])
        items[:] = [item for item in items if "firefox" not in item.keywords]
    items.sort(key=lambda item: "stack" not in item.keywords)


@pytest.fixture(scope="session")
def embedded_services() -> Iterator[Path]:
    home = Path(django_settings.MEDIQA_HOME)
    with ExitStack() as stack:
        stack.enter_context(EmbeddedPostgres(home))
        stack.enter_context(EmbeddedValkey(home))
        yield home


@pytest.fixture(scope="session")
def django_db_modify_db_settings(embedded_services: Path) -> None:
    """Called by pytest-django before it makes the test database."""


@pytest.fixture(scope="session")
def bundle() -> None:
    """The front-end, built once if its sources have changed: for pages with an instrument on them."""
    checkout = Checkout()
    if needs_build(checkout):
        build(checkout, say=print)


@pytest.fixture(autouse=True)
def speak_english() -> Iterator[None]:
    """A page that was asked for in another language leaves it to whatever comes after in the same thread."""
    yield
    translation.deactivate()


@pytest.fixture
def objects(tmp_path: Path, settings) -> Path:
    """An object store of the test's own."""
    settings.STORAGES = settings.STORAGES | {
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "objects")},
        }
    }
    return tmp_path / "objects"


@pytest.fixture
def api() -> Callable[[User | None], APIClient]:
    """`api(user)` is an API client signed in as that user."""

    def sign_in(user: User | None = None) -> APIClient:
        client = APIClient()
        if user is not None:
            client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def browser_of() -> Callable[[User], Client]:
    """`browser_of(user)` is Django's test client signed in as that user, for pages."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in
