"""`prescore`, `select` and `fine_tune` on the command line."""

import io
import re

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from annotations.models import Assignment, Job, JobState, Role
from inference.models import FineTuneRun, ModelVersion, Prediction
from inference.services.scoring import start_prescoring
from tests.factories import make_image, make_member, make_project
from tests.inference.images import baseline, make_read_images, make_stored_image

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("objects")]


def run(*arguments: object) -> str:
    out = io.StringIO()
    call_command(*map(str, arguments), stdout=out)
    return out.getvalue()


def exit_code(*arguments: object) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command(*map(str, arguments), stdout=out)
    except CommandError as error:
        return error.returncode, str(error)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_prescore_then_select_then_fine_tune():
    project = make_project()
    make_read_images(project, make_member(project, Role.READER))
    for seed in range(3):
        make_stored_image(project, seed=seed + 50)
    assert "Scored 19 images" in run("prescore", "--project", project.slug)
    chosen = run("select", "--project", project.slug, "--size", 2, "--seed", 5)
    assert "Chose 2 of 3 unread images (seed 5, model version 1)" in chosen
    assert Assignment.objects.undone().count() == 2
    report = run("fine_tune", "--project", project.slug, "--epochs", 10)
    assert "Model version 2, against version 1" in report
    assert "SROCC" in report
    assert re.search(r"Intervals of overall: from \d validation images\.", report)
    assert "assed: " in report
    assert ModelVersion.objects.count() == 2
    assert set(Job.objects.values_list("state", flat=True)) == {JobState.SUCCEEDED}


def test_prescore_names_what_it_could_not_score():
    project = make_project()
    make_stored_image(project)
    bad = make_image(project)
    code, said = exit_code("prescore", "--project", project.slug)
    assert code == 3
    assert f"Image {bad.pk} cannot be scored" in said
    assert Prediction.objects.count() == 1


def test_prescore_does_the_job_that_waits_for_a_worker():
    project = make_project()
    make_stored_image(project)
    job = start_prescoring(project=project, by=None, now=timezone.now())
    run("prescore", "--project", project.slug)
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED
    assert Job.objects.count() == 1


def test_fine_tune_from_another_model_says_what_cannot_be_used(tmp_path):
    project = make_project()
    make_read_images(project, make_member(project, Role.READER))
    baseline(project)
    for start, said in (("shipped", "stands on this pre-trained model"), (tmp_path / "no.safetensors", "no.safe")):
        code, message = exit_code("fine_tune", "--project", project.slug, "--start", start)
        assert code == 2
        assert said in message
    assert not FineTuneRun.objects.exists()


def test_fine_tune_from_the_installed_model_names_all_three_versions():
    project = make_project()
    make_read_images(project, make_member(project, Role.READER))
    earlier = baseline(project)
    ModelVersion.objects.filter(pk=earlier.pk).update(features_version="0" * 64)  # of an earlier installation
    report = run("fine_tune", "--project", project.slug, "--epochs", 10, "--start", "shipped")
    assert "Model version 3, against version 1 in production, on the encoder of version 2" in report


@pytest.mark.parametrize("command", ["prescore", "select", "fine_tune"])
def test_an_unknown_project_is_named(command):
    make_project("known")
    code, said = exit_code(command, "--project", "unknown")
    assert code == 2
    assert "unknown" in said
    assert "known" in said


@pytest.mark.parametrize("command", ["select", "fine_tune"])
def test_what_is_refused_is_said_and_has_its_exit_code(command):
    code, said = exit_code(command, "--project", make_project().slug)
    assert code == 2
    assert "no production model" in said
