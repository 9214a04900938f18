"""A Project and its reader, for tests that need no more; those that do make their own."""

import pytest

from annotations.models import Project, Role, User
from tests.factories import make_member, make_project


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def reader(project: Project) -> User:
    return make_member(project, Role.READER)
