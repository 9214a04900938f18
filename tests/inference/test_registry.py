"""Versions: one in production, a gate before it, and a way back."""

import uuid
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from annotations.models import Project
from inference.engine import engine_for
from inference.errors import (
    CheckpointMissing,
    GateFailed,
    NoProductionVersion,
    NotACandidate,
    NothingToRollBackTo,
    ProductionChanged,
    StaleCandidate,
)
from inference.models import ModelVersion, Stage
from inference.services.registry import ensure_baseline, is_shipped_newer, promote, register_candidate, roll_back
from tests.factories import make_project, make_user
from tests.inference.images import baseline

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("objects")]


def make_candidate(project: Project, *, passes: bool = True, parent: ModelVersion | None = None) -> ModelVersion:
    parent = parent or baseline(project)
    return register_candidate(
        project=project,
        rubric=parent.rubric,
        parent=parent,
        content=engine_for(parent).checkpoint(),
        report={"gate": {"passed": passes, "reason": "Error 0.3, larger than production's 0.2."}},
    )


def stages(project: Project) -> list[str]:
    return list(ModelVersion.objects.filter(project=project).order_by("number").values_list("stage", flat=True))


def test_the_shipped_model_is_version_one_and_is_registered_once(project):
    first, second = baseline(project), baseline(project)
    assert first == second
    assert (first.number, first.stage, first.parent) == (1, Stage.PRODUCTION, None)
    assert engine_for(first).features_version == first.features_version


def test_an_installation_without_its_model_says_so(project, tmp_path):
    with pytest.raises(CheckpointMissing, match="Install the package again"):
        ensure_baseline(project=project, now=timezone.now(), checkpoint=Path(tmp_path / "absent.safetensors"))
    for suffix in (".safetensors", ".json"):
        (tmp_path / f"damaged{suffix}").write_bytes(b"{}")
    with pytest.raises(CheckpointMissing, match="damaged"):
        ensure_baseline(project=project, now=timezone.now(), checkpoint=tmp_path / "damaged.safetensors")
    assert not ModelVersion.objects.exists()


def test_another_installed_model_is_offered_where_there_is_one(project, tmp_path, monkeypatch):
    assert not is_shipped_newer(None)
    version = baseline(project)
    assert not is_shipped_newer(version)
    version.features_version = "0" * 64
    assert is_shipped_newer(version)
    monkeypatch.setattr("inference.services.registry.SHIPPED_CHECKPOINT", tmp_path / "gone.safetensors")
    assert not is_shipped_newer(version)


def test_an_installed_model_that_production_came_from_is_not_offered_again(project):
    first = baseline(project)
    second = make_candidate(project)
    third = make_candidate(project, parent=second)
    for version in (second, third):
        version.features_version = "0" * 64  # of a model of one's own
        version.save()
    assert not is_shipped_newer(third)
    first.features_version = "1" * 64  # of an earlier installation
    first.save()
    assert is_shipped_newer(third)


def test_a_candidate_that_passed_is_promoted_and_its_parent_retired(project):
    candidate, person, now = make_candidate(project), make_user(), timezone.now()
    promoted = promote(version=candidate, by=person, now=now)
    assert stages(project) == [Stage.RETIRED, Stage.PRODUCTION]
    assert (promoted.promoted_by, promoted.promoted_at) == (person, now)


def test_a_candidate_that_failed_the_gate_is_refused_with_the_reason(project):
    candidate = make_candidate(project, passes=False)
    with pytest.raises(GateFailed, match="larger than production's"):
        promote(version=candidate, by=None, now=timezone.now())
    assert stages(project) == [Stage.PRODUCTION, Stage.CANDIDATE]


@pytest.mark.parametrize("report", [{}, {"gate": {}}, {"gate": {"passed": "yes"}}])
def test_a_candidate_that_was_never_compared_is_refused(project, report):
    candidate = make_candidate(project)
    ModelVersion.objects.filter(pk=candidate.pk).update(report=report)
    with pytest.raises(GateFailed):
        promote(version=candidate, by=None, now=timezone.now())


def test_a_candidate_that_was_compared_with_an_earlier_production_is_stale(project):
    first, second = make_candidate(project), make_candidate(project)
    promote(version=first, by=None, now=timezone.now())
    with pytest.raises(StaleCandidate):
        promote(version=second, by=None, now=timezone.now())


def test_only_candidates_are_promoted(project):
    production = baseline(project)
    with pytest.raises(NotACandidate):
        promote(version=production, by=None, now=timezone.now())


def test_roll_back_goes_step_by_step_to_where_it_came_from(project):
    second = promote(version=make_candidate(project), by=None, now=timezone.now())
    promote(version=make_candidate(project, parent=second), by=None, now=timezone.now())
    assert roll_back(project=project, by=None, now=timezone.now()).number == 2
    assert roll_back(project=project, by=None, now=timezone.now()).number == 1
    assert stages(project) == [Stage.PRODUCTION, Stage.RETIRED, Stage.RETIRED]
    with pytest.raises(NothingToRollBackTo):
        roll_back(project=project, by=None, now=timezone.now())


def test_second_click_does_not_go_back_two_versions(project):
    second = promote(version=make_candidate(project), by=None, now=timezone.now())
    promote(version=make_candidate(project, parent=second), by=None, now=timezone.now())
    assert roll_back(project=project, by=None, now=timezone.now(), leaving=3).number == 2
    with pytest.raises(ProductionChanged):
        roll_back(project=project, by=None, now=timezone.now(), leaving=3)
    assert stages(project) == [Stage.RETIRED, Stage.PRODUCTION, Stage.RETIRED]


def test_after_a_roll_back_the_next_promotion_leads_back_to_the_same_version(project):
    promote(version=make_candidate(project), by=None, now=timezone.now())
    first = roll_back(project=project, by=None, now=timezone.now())
    third = promote(version=make_candidate(project, parent=first), by=None, now=timezone.now())
    assert third.number == 3
    assert roll_back(project=project, by=None, now=timezone.now()) == first


def test_there_is_nothing_to_roll_back_without_production(project):
    with pytest.raises(NoProductionVersion):
        roll_back(project=project, by=None, now=timezone.now())


def test_the_database_holds_one_production_version(project):
    candidate = make_candidate(project)
    candidate.stage = Stage.PRODUCTION
    with pytest.raises(IntegrityError), transaction.atomic():
        candidate.save()


def test_versions_of_two_projects_do_not_touch(project):
    other = make_project(f"other-{uuid.uuid4().hex[:6]}")
    baseline(other)
    promote(version=make_candidate(project), by=None, now=timezone.now())
    assert stages(other) == [Stage.PRODUCTION]
