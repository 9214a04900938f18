"""From readers' scores to a candidate with its report."""

import json
from dataclasses import replace

import pytest
import torch
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from annotations.errors import JobAlreadyActive, JobCancelled
from annotations.models import Job, JobState, Project, PromotionPolicy, Role
from annotations.services.jobs import cancel_job
from inference.engine import engine_for
from inference.errors import (
    BadRunConfig,
    CheckpointMissing,
    ConstantScores,
    NoOtherModel,
    NoProductionVersion,
    NotCompared,
    TooFewScores,
)
from inference.mediqa.network import Network
from inference.mediqa.network.profiles import NetworkConfig
from inference.mediqa.predictor import Predictor
from inference.models import FineTuneRun, LabelSnapshot, ModelVersion, Partition, Prediction, Stage
from inference.services import training
from inference.services.contracts import CheckpointContent
from inference.services.finetuning import start_run
from inference.services.material import Material
from inference.services.registry import promote, read_checkpoint, read_shipped, roll_back
from inference.services.training import execute_run
from inference.tasks import run_fine_tuning
from tests.factories import make_image, make_member, make_project, make_reading
from tests.inference.images import Reports, baseline, lapse_lease, make_read_images, make_stored_image, prescore

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("objects")]
QUICK = {"epochs": 15, "members": 2}


def set_gate(monkeypatch, *, is_passed: bool) -> None:
    """How well so few images teach is not what is tested here."""
    result = {"criterion": "", "passed": is_passed, "reason": "", "old": 0.2, "new": 0.1}
    monkeypatch.setattr("inference.services.evaluation.gate", lambda comparison: result)


@pytest.fixture
def open_gate(monkeypatch) -> None:
    set_gate(monkeypatch, is_passed=True)


@pytest.fixture
def read_project(project, reader) -> Project:
    make_read_images(project, reader)
    baseline(project)
    return project


def start(project: Project, **config: object) -> FineTuneRun:
    return start_run(project=project, by=None, seed=1, config={**QUICK, **config})


def execute(run: FineTuneRun) -> ModelVersion:
    return execute_run(run=run, load=engine_for, reporter=Reports(), now=timezone.now())


@pytest.fixture(scope="module")
def other_model() -> CheckpointContent:
    """A pre-trained model with another encoder than the shipped one, of random weights."""
    torch.manual_seed(1)
    shipped = Predictor.load(device="cpu")
    return CheckpointContent(*Predictor(Network(NetworkConfig()), shipped.prior, shipped.ood, device="cpu").to_bytes())


def test_a_run_from_another_pretrained_model_is_compared_with_production_on_the_same_images(
    read_project, other_model, open_gate
):
    run = start_run(project=read_project, by=None, seed=1, config=QUICK, start=other_model)
    production = ModelVersion.objects.production(read_project)
    assert (run.parent, run.start.number, run.start.parent, run.start.stage) == (production, 2, None, Stage.CANDIDATE)
    candidate = execute(run)
    run.refresh_from_db()
    assert candidate.features_version == run.start.features_version != production.features_version
    assert candidate.parent == production
    assert run.report["versions"] == {"old": 1, "start": 2, "new": 3}
    points = run.report["criteria"]["overall"]["scatter"]
    assert len(points) == run.report["counts"]["test"]["images"]
    assert all(point["old"] != point["new"] for point in points)
    document = json.loads(default_storage.open(candidate.document_name).read())
    assert document["training"]["heads"]["start_sha256"] == run.start.sha256
    promote(version=candidate, by=None, now=timezone.now())
    assert roll_back(project=read_project, by=None, now=timezone.now()) == production


def test_the_old_version_is_judged_by_its_own_features(read_project, other_model):
    """The same figures for production, whatever encoder the candidate stands on."""
    own = start(read_project)
    execute(own)
    Job.objects.filter(pk=own.job_id).update(state=JobState.SUCCEEDED, finished_at=timezone.now())
    other = start_run(project=read_project, by=None, seed=1, config=QUICK, start=other_model)
    execute(other)
    for run in (own, other):
        run.refresh_from_db()
    figures = [
        {name: metric["old"]["value"] for name, metric in run.report["criteria"]["overall"]["metrics"].items()}
        for run in (own, other)
    ]
    assert figures[0] == pytest.approx(figures[1], nan_ok=True)


def test_versions_that_share_too_few_test_images_are_not_compared(read_project, other_model, monkeypatch):
    run = start_run(project=read_project, by=None, seed=1, config=QUICK, start=other_model)
    gathered = training.gather_material
    seen: list[object] = []

    def gather(**arguments: object) -> Material:
        """To the second encoder the test images can't be read."""
        material = gathered(**arguments)
        seen.append(arguments)
        test = material.partitions[Partition.TEST].of(() if len(seen) == 2 else material_ids(material))
        return replace(material, partitions={**material.partitions, Partition.TEST: test})

    monkeypatch.setattr(training, "gather_material", gather)
    with pytest.raises(TooFewScores, match="0 images would be for test"):
        execute(run)


def material_ids(material: Material) -> list[int]:
    return list(material.partitions[Partition.TEST].image_ids)


def test_the_same_pretrained_model_is_registered_once_and_is_never_promoted(read_project, other_model):
    first = start_run(project=read_project, by=None, config=QUICK, start=other_model)
    Job.objects.filter(pk=first.job_id).update(state=JobState.CANCELLED, finished_at=timezone.now())
    again = start_run(project=read_project, by=None, config=QUICK, start=other_model)
    assert again.start == first.start
    default_storage.delete(first.start.weights_name)
    Job.objects.filter(pk=again.job_id).update(state=JobState.CANCELLED, finished_at=timezone.now())
    start_run(project=read_project, by=None, config=QUICK, start=other_model)
    assert default_storage.exists(first.start.weights_name)  # what was in hand is stored again
    with pytest.raises(NotCompared, match="Start a fine-tuning from it"):
        promote(version=first.start, by=None, now=timezone.now())


def test_what_production_stands_on_is_no_other_model(read_project):
    with pytest.raises(NoOtherModel):
        start_run(project=read_project, by=None, config=QUICK, start=read_shipped())
    assert not FineTuneRun.objects.exists()


def test_a_file_that_is_no_checkpoint_starts_nothing(read_project, other_model, tmp_path):
    with pytest.raises(CheckpointMissing, match="do not match its sha256"):
        start_run(
            project=read_project, by=None, start=CheckpointContent(other_model.weights[:-4], other_model.document)
        )
    with pytest.raises(CheckpointMissing, match=r"gone\.safetensors"):
        read_checkpoint(tmp_path / "gone.safetensors")
    assert ModelVersion.objects.filter(project=read_project).count() == 1


def test_a_run_from_another_model_learns_every_criterion(reader, other_model):
    read_project = make_project(criteria=("overall", "noise"))
    baseline(read_project)
    with pytest.raises(BadRunConfig, match="learns every criterion anew"):  # production has learnt from no score yet
        start_run(project=read_project, by=None, config={"criteria": ["noise"]}, start=other_model)


def test_a_run_makes_a_candidate_with_a_report_and_a_loss_curve(read_project):
    run = start(read_project)
    run_fine_tuning(str(run.job_id))
    run.refresh_from_db()
    run.job.refresh_from_db()
    assert run.job.state == JobState.SUCCEEDED
    assert run.candidate.stage == Stage.CANDIDATE
    assert (run.candidate.number, run.candidate.parent) == (2, run.parent)
    assert run.candidate.features_version == run.parent.features_version
    assert run.report["versions"] == {"old": 1, "new": 2}
    assert set(run.report["criteria"]["overall"]["metrics"]) == {"plcc", "srocc", "krocc", "rmse", "mae"}
    assert run.report["counts"]["test"]["images"] == run.snapshot.entries.filter(partition=Partition.TEST).count()
    assert [step for _, step, _ in run.loss_history] == list(range(1, 16))
    assert run.job.result == {"model_version": 2, "is_gate_passed": run.report["gate"]["passed"]}
    json.dumps(run.report, allow_nan=False)


def test_the_report_and_the_checkpoint_say_which_head_was_taken_and_why(read_project):
    run = start(read_project)
    candidate = execute(run)
    trained = run.snapshot.entries.filter(partition=Partition.TRAIN).count()
    assert candidate.report["head"] == {
        "head": "closed_form",
        "reason": f"{trained} images have scores; the token head is tried from 800.",
        "held_out_error": {},
    }
    document = json.loads(default_storage.open(candidate.document_name).read())
    assert document["training"]["heads"]["head_choice"] == candidate.report["head"]
    assert document["heads"]["kind"] == "closed_form"


def test_a_run_may_ask_for_the_token_head(read_project):
    candidate = execute(start(read_project, head="token"))
    assert candidate.report["head"]["head"] == "token"
    document = json.loads(default_storage.open(candidate.document_name).read())
    assert document["heads"]["kind"] == "token"


def test_trials_of_heads_show_as_progress_and_not_in_the_loss_curve(read_project, monkeypatch):
    monkeypatch.setattr("inference.mediqa.heads.choosing.TOKEN_FROM", 8)
    run, reports = start(read_project), Reports()
    candidate = execute_run(run=run, load=engine_for, reporter=reports, now=timezone.now())
    assert set(candidate.report["head"]["held_out_error"]) == {"closed_form", "token"}
    run.refresh_from_db()
    assert [step for _, step, _ in run.loss_history] == list(range(1, 16))


def test_both_versions_are_compared_on_the_same_test_images(read_project):
    candidate = execute(start(read_project))
    report = candidate.report["criteria"]["overall"]
    entries = LabelSnapshot.objects.get().entries.filter(partition=Partition.TEST)
    assert sorted(point["consensus"] for point in report["scatter"]) == sorted(
        entries.values_list("consensus", flat=True)
    )
    assert all(point["old"] != point["new"] for point in report["scatter"])


def test_the_checkpoint_says_what_it_was_trained_on_and_names_nobody(read_project):
    run = start(read_project)
    candidate = execute(run)
    document = default_storage.open(candidate.document_name).read().decode()
    training = json.loads(document)["training"]["heads"]
    assert training["snapshot_sha256"] == run.snapshot.sha256
    assert training["parent_sha256"] == run.parent.sha256
    assert "patient-" not in document


@pytest.mark.usefixtures("open_gate")
def test_a_promoted_candidate_scores_the_rest_and_the_old_predictions_stay(read_project):
    prescore(read_project)
    candidate = execute(start(read_project))
    promote(version=candidate, by=None, now=timezone.now())
    assert prescore(read_project) == {"model_version": 2, "scored": 16, "refused": 0, "from_cache": 16}
    assert Prediction.objects.count() == 32
    assert not Prediction.objects.filter(model_version=candidate, criteria__is_prior=True).exists()


def test_the_same_seed_and_snapshot_give_the_same_report(read_project):
    first, second = (execute(start_after(read_project)) for _ in range(2))
    assert first.report["criteria"] == second.report["criteria"]
    assert first.pk != second.pk


def start_after(project: Project) -> FineTuneRun:
    Job.objects.filter(project=project).update(state=JobState.SUCCEEDED, finished_at=timezone.now())
    return start(project)


@pytest.mark.usefixtures("open_gate")
def test_by_the_projects_policy_a_candidate_that_passed_is_promoted_at_once(read_project):
    read_project.promotion_policy = PromotionPolicy.AUTOMATIC
    read_project.save()
    candidate = execute(start(read_project))
    candidate.refresh_from_db()
    assert (candidate.stage, candidate.promoted_by) == (Stage.PRODUCTION, None)


def test_by_the_projects_policy_a_candidate_that_did_not_pass_stays_a_candidate(read_project, monkeypatch):
    set_gate(monkeypatch, is_passed=False)
    read_project.promotion_policy = PromotionPolicy.AUTOMATIC
    read_project.save()
    candidate = execute(start(read_project))
    candidate.refresh_from_db()
    assert candidate.stage == Stage.CANDIDATE


def test_images_that_were_never_scored_are_encoded_by_the_run(read_project):
    assert not read_project.predictions.exists()
    execute(start(read_project))
    assert all(image.embeddings.count() == 1 for image in read_project.images.all())


def test_a_run_may_learn_some_criteria_only(reader):
    project = make_project(criteria=("overall", "noise"))
    make_read_images(project, make_member(project, Role.READER))
    baseline(project)
    candidate = execute(start(project, criteria=["overall"]))
    assert set(candidate.report["criteria"]) == {"overall", "noise"}
    figures = candidate.report["criteria"]["noise"]["metrics"]["rmse"]
    assert figures["old"] == figures["new"]


def test_a_run_on_some_criteria_is_refused_where_it_would_forget_the_others(reader):
    project = make_project(criteria=("overall", "noise"))
    make_read_images(project, make_member(project, Role.READER))
    production = baseline(project)
    learnt = execute(start(project))
    ModelVersion.objects.filter(pk=production.pk).update(stage=Stage.RETIRED)
    ModelVersion.objects.filter(pk=learnt.pk).update(stage=Stage.PRODUCTION)
    with pytest.raises(BadRunConfig, match="forget"):
        start(project, criteria=["overall"])


# -- refused before anything starts --
def assert_nothing_started(project: Project) -> None:
    assert not Job.objects.filter(project=project).exists()
    assert not FineTuneRun.objects.exists()
    assert not LabelSnapshot.objects.exists()


def test_too_few_scores_are_refused(project, reader):
    make_read_images(project, reader, patients=2)
    baseline(project)
    with pytest.raises(TooFewScores, match="4 images of 2 patients"):
        start(project)
    assert_nothing_started(project)


def test_constant_scores_are_refused(project, reader):
    for number in range(12):
        make_reading(project, make_image(project, patient_key=f"p{number}"), reader, {"overall": 2.0})
    baseline(project)
    with pytest.raises(ConstantScores):
        start(project)
    assert_nothing_started(project)


def test_constant_scores_tell_a_reader_who_trains_nothing_of_them(project, reader):
    for number in range(12):
        make_reading(project, make_image(project, patient_key=f"p{number}"), reader, {"overall": 2.0})
    baseline(project)
    both = make_member(project, Role.READER, Role.ML_ENGINEER)
    with pytest.raises(ConstantScores) as refused:
        start_run(project=project, by=both)
    assert refused.value.detail == ConstantScores.detail


def test_a_missing_checkpoint_is_refused(read_project):
    default_storage.delete(baseline(read_project).weights_name)
    with pytest.raises(CheckpointMissing, match="Restore it from a backup"):
        start(read_project)
    assert_nothing_started(read_project)


@pytest.mark.parametrize("name", ["weights_name", "document_name"])
def test_a_damaged_checkpoint_is_refused(read_project, name):
    stored = getattr(baseline(read_project), name)
    content = bytearray(default_storage.open(stored).read())
    content[len(content) // 2] ^= 1
    default_storage.delete(stored)
    default_storage.save(stored, ContentFile(bytes(content)))
    with pytest.raises(CheckpointMissing, match="damaged"):
        start(read_project)
    assert_nothing_started(read_project)


def test_without_production_there_is_nothing_to_start_from(project, reader):
    make_read_images(project, reader)
    with pytest.raises(NoProductionVersion):
        start(project)


def test_one_run_of_a_project_at_a_time(read_project):
    start(read_project)
    with pytest.raises(JobAlreadyActive):
        start(read_project)
    assert FineTuneRun.objects.count() == 1


@pytest.mark.parametrize(
    "config",
    [
        {"epochs": 0},
        {"epochs": "many"},
        {"members": True},
        {"criteria": []},
        {"criteria": ["unheard-of"]},
        {"learning": 1},
        {"head": "magic"},
        {"head": 1},
    ],
)
def test_senseless_settings_are_refused(read_project, config):
    with pytest.raises(BadRunConfig):
        start(read_project, **config)


# -- interrupted --
def test_a_cancelled_run_leaves_no_candidate(read_project):
    run = start(read_project)
    with pytest.raises(JobCancelled):
        execute_run(run=run, load=engine_for, reporter=Reports(raises=JobCancelled(), at=8), now=timezone.now())
    assert ModelVersion.objects.count() == 1


def test_a_run_that_is_cancelled_before_it_began_is_not_begun(read_project):
    run = start(read_project)
    cancel_job(job=run.job, now=timezone.now())
    run_fine_tuning(str(run.job_id))
    assert ModelVersion.objects.count() == 1


class Killed(BaseException):
    """The end of a process: no `except Exception` sees it."""


@pytest.mark.parametrize("place", ["_report", "_register", "_promote_by_policy"])
def test_a_run_whose_worker_died_is_finished_by_the_next_with_one_candidate(read_project, monkeypatch, place):
    run = start(read_project)
    with monkeypatch.context() as patch:
        patch.setattr(f"inference.services.training.{place}", dies)
        with pytest.raises(Killed):
            run_fine_tuning(str(run.job_id))
    lapse_lease(run.job)
    run_fine_tuning(str(run.job_id))
    run.refresh_from_db()
    run.job.refresh_from_db()
    assert run.job.state == JobState.SUCCEEDED
    assert ModelVersion.objects.filter(stage=Stage.CANDIDATE).get() == run.candidate


def dies(*args: object) -> None:
    raise Killed


def test_an_image_that_can_no_longer_be_read_is_left_out(read_project):
    run = start(read_project)
    image_id = run.snapshot.entries.filter(partition=Partition.TRAIN).values_list("image_id", flat=True)[0]
    image = read_project.images.get(pk=image_id)
    default_storage.delete(image.slices.get().instance.frame_name(1))
    before = run.snapshot.entries.filter(partition=Partition.TRAIN).count()
    assert execute(run).report["counts"]["train"]["images"] == before - 1


def test_unread_images_play_no_part(read_project):
    make_stored_image(read_project, seed=99)
    assert start(read_project).snapshot.entries.count() == 16
