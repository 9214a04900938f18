import pytest

from annotations.models import Project, Role, User
from tests.factories import make_member, make_project


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch) -> None:
    """How wide the intervals of a report are is tested in tests/mediqa; here they only cost time."""
    monkeypatch.setattr("inference.services.evaluation.RESAMPLES", 50)


@pytest.fixture
def project() -> Project:
    """Of one Criterion. Files that need another Project have their own."""
    return make_project()


@pytest.fixture
def reader(project: Project) -> User:
    return make_member(project, Role.READER)
