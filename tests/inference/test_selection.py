"""What is read next: the selection's order is the worklist's order, and can be made again from its seed."""

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotations.models import Assignment, Project, Purpose, Role
from annotations.services.anchor_images import set_anchor_image
from inference.errors import BadSelection, NoProductionVersion, NothingToSelect, NotScoredYet
from inference.models import AcquisitionBatch, CriterionPrediction, Embedding, ModelVersion, Prediction, Strategy
from inference.services.selection import select_batch
from tests.factories import make_image, make_member, make_project, make_reading
from tests.inference.images import baseline

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("objects")]


@pytest.fixture
def project() -> Project:
    return make_project(overlap=2)


def make_scored(project: Project, count: int) -> ModelVersion:
    """Images with Predictions and Embeddings on a circle; the later ones are the more uncertain."""
    version = baseline(project)
    criterion = version.rubric.criteria.get()
    for number in range(count):
        image = make_image(project)
        Embedding.objects.create(
            image=image,
            features_version=version.features_version,
            vector=[number % 5, number // 5, 1.0],
            features_name="none",
        )
        prediction = Prediction.objects.create(
            project=project,
            image=image,
            model_version=version,
            prompt={},
            prompt_provenance={},
            slice_indices=[0],
            slice_weights=[1.0],
            ood_distance=0.5,
        )
        CriterionPrediction.objects.create(
            prediction=prediction,
            criterion=criterion,
            quality=2,
            epistemic_std=0.01 + number / count,
            aleatoric_std=0.1,
            lower=1,
            upper=3,
            is_prior=True,
        )
    return version


def test_one_assignment_for_each_image_and_reader_in_the_order_of_the_choice(project):
    make_scored(project, 20)
    batch = select_batch(project=project, size=6, seed=3)
    ranked = list(batch.items.order_by("rank").values_list("image_id", flat=True))
    assert (batch.pool_size, len(ranked), len(set(ranked))) == (20, 6, 6)
    queue = list(Assignment.objects.in_worklist_order().values_list("image_id", flat=True))
    assert list(dict.fromkeys(queue)) == ranked
    assert Assignment.objects.filter(request_key=batch.pk).count() == 12
    assert set(Assignment.objects.values_list("slot", flat=True)) == {1, 2}


@pytest.mark.parametrize("strategy", Strategy)
def test_anchor_image_is_never_chosen(project, strategy):
    version = make_scored(project, 8)
    anchor = project.images.order_by("pk").last()
    set_anchor_image(criterion=version.rubric.criteria.get(), value=2, image_id=anchor.pk, now=timezone.now())
    batch = select_batch(project=project, size=8, strategy=strategy, random_share=0.5)
    chosen = set(batch.items.values_list("image_id", flat=True))
    assert (batch.pool_size, len(chosen)) == (7, 7)
    assert anchor.pk not in chosen


def test_calibration_case_is_never_chosen(project):
    make_scored(project, 8)
    calibration = project.images.order_by("pk").last()
    project.project_images.filter(image=calibration).update(is_calibration=True)
    chosen = select_batch(project=project, size=8).items.values_list("image_id", flat=True)
    assert len(chosen) == 7
    assert calibration.pk not in chosen


def test_a_later_batch_comes_after_the_earlier_one_and_shares_no_image(project):
    make_scored(project, 20)
    first, second = select_batch(project=project, size=6), select_batch(project=project, size=6)
    assert (first.seed, second.seed) == (0, 1)
    images = [set(batch.items.values_list("image_id", flat=True)) for batch in (first, second)]
    assert not images[0] & images[1]
    order = list(Assignment.objects.in_worklist_order().values_list("request_key", flat=True))
    assert order == [first.pk] * 12 + [second.pk] * 12


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**63 - 1), size=st.integers(1, 12), share=st.floats(0, 1), data=st.data())
def test_the_same_pool_and_seed_choose_the_same_images(project, seed, size, share, data):
    strategy = data.draw(st.sampled_from(Strategy.values))
    if not Prediction.objects.exists():
        make_scored(project, 10)
    choices = []
    for _ in range(2):
        with transaction.atomic():
            batch = select_batch(project=project, size=size, seed=seed, random_share=share, strategy=strategy)
            choices.append(list(batch.items.values_list("image_id", "purpose", "reason")))
            transaction.set_rollback(True)
    assert choices[0] == choices[1]
    assert len(choices[0]) == min(size, 10)


def test_nothing_was_read_yet_so_it_starts_cold_then_it_asks_what_is_uncertain(project):
    make_scored(project, 20)
    cold = select_batch(project=project, size=5, random_share=0.0)
    assert set(cold.items.values_list("purpose", flat=True)) == {Purpose.COLD_START}
    reader = make_member(project, Role.READER)
    make_reading(project, cold.items.first().image, reader, now=timezone.now())
    warm = select_batch(project=project, size=5, random_share=0.0)
    assert set(warm.items.values_list("purpose", flat=True)) <= {Purpose.UNCERTAIN, Purpose.DIVERSE}
    assert all("std" in reason for reason in warm.items.values_list("reason", flat=True))


def test_a_share_is_drawn_at_random(project):
    make_scored(project, 20)
    batch = select_batch(project=project, size=10, random_share=0.3)
    assert batch.items.filter(purpose=Purpose.RANDOM).count() == 3


def test_the_random_strategy_looks_at_nothing(project):
    make_scored(project, 20)
    batch = select_batch(project=project, size=10, strategy=Strategy.RANDOM)
    assert set(batch.items.values_list("purpose", flat=True)) == {Purpose.RANDOM}


def test_the_projects_settings_hold_unless_told_otherwise(project):
    project.batch_size, project.random_share = 4, 0.5
    project.save()
    make_scored(project, 10)
    batch = select_batch(project=project)
    assert (batch.size, batch.random_share, batch.items.count()) == (4, 0.5, 4)


def test_it_is_said_why_there_is_nothing_to_choose(project):
    with pytest.raises(NoProductionVersion):
        select_batch(project=project)
    baseline(project)
    with pytest.raises(NothingToSelect):
        select_batch(project=project)
    make_image(project)
    with pytest.raises(NotScoredYet):
        select_batch(project=project)
    make_scored(project, 3)
    select_batch(project=project, size=3)
    with pytest.raises(NotScoredYet):
        select_batch(project=project)


@pytest.mark.parametrize(
    "wrong", [{"size": 0}, {"size": 10**6}, {"random_share": 1.5}, {"random_share": float("nan")}, {"strategy": "x"}]
)
def test_senseless_requests_are_refused(project, wrong):
    make_scored(project, 3)
    with pytest.raises(BadSelection):
        select_batch(project=project, **wrong)
    assert not AcquisitionBatch.objects.exists()
