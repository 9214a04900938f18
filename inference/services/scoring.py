"""Pre-scoring: every Image of a Project gets a Prediction by the production version, or a reason why not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_noop

from annotations.models import Criterion, Image, Job, JobKind, JobState, Project, ProjectImage, User
from annotations.services.jobs import create_job
from inference.mediqa.explanations import patch_maps
from inference.mediqa.prompt import VOCABULARY, completed_prompt
from inference.mediqa.types import CriterionScore, Features, Scale, Scored
from inference.models import CriterionPrediction, ModelVersion, Prediction, ScoringRefusal
from inference.services.contracts import Reporter, Scorer
from inference.services.features import FeatureBatch, cached_embeddings, feature_batches, save_embeddings
from inference.services.registry import ensure_baseline
from inference.sources import ImageSource

RETRY_AFTER = timedelta(minutes=5)
MENDABLE = ("frame_missing", "undecodable", "unexpected")  # reasons that may be gone when a person asks again
PHASE = gettext_noop("Scoring images")


@dataclass
class ScoringSummary:
    """Of one pre-scoring: Images scored and refused by it, and for how many cached features were enough."""

    model_version: int
    scored: int = 0
    refused: int = 0
    from_cache: int = 0


@transaction.atomic
def start_prescoring(*, project: Project, by: User | None, now: datetime) -> Job:
    """Register a pre-scoring of all Images that production has not scored; the caller enqueues it.

    Asked for by a person, it also tries again what was refused for a reason that lies outside of the Image.

    Raises:
        NoRubric, CheckpointMissing: see `ensure_baseline`.
        JobAlreadyActive: one is running or waiting.
    """
    version = ensure_baseline(project=project, now=now)
    job = create_job(
        project=project, kind=JobKind.PRESCORE, created_by=by, parameters={"model_version": version.number}
    )
    if by is not None:
        ScoringRefusal.objects.filter(model_version=version, reason__in=MENDABLE).delete()
    return job


def projects_to_prescore(*, now: datetime) -> list[Project]:
    """Projects whose production version has Images left to score, and for which nothing is under way.

    What a person cancelled starts again only when there is something new; what failed waits a while.
    """
    candidates = Project.objects.filter(project_images__isnull=False, rubrics__isnull=False).distinct()
    return [project for project in candidates if _has_pending(project) and _may_start(project, now)]


def _has_pending(project: Project) -> bool:
    production = ModelVersion.objects.production(project)
    return production is None or Prediction.objects.pending_images(production).exists()


def _may_start(project: Project, now: datetime) -> bool:
    last = Job.objects.filter(project=project, kind=JobKind.PRESCORE).order_by("-created_at").first()
    if last is None or last.state == JobState.SUCCEEDED:
        return True
    if last.finished_at is None:
        return False
    if last.state == JobState.FAILED:
        return now - last.finished_at > RETRY_AFTER
    return _has_changed_since(project, last.finished_at)


def _has_changed_since(project: Project, moment: datetime) -> bool:
    production = ModelVersion.objects.production(project)
    is_new_version = production is not None and (production.promoted_at or production.created_at) > moment
    return is_new_version or ProjectImage.objects.filter(project=project, added_at__gt=moment).exists()


def score_pending(
    *, project: Project, load: Callable[[ModelVersion], Scorer], reporter: Reporter, now: datetime
) -> ScoringSummary:
    """Score what production has not scored yet. Batches are stored as they come: a restart goes on from there.

    Raises:
        CheckpointMissing: the model cannot be loaded.
        JobCancelled, LeaseLost: from the reporter, between batches.
    """
    version = ensure_baseline(project=project, now=now)
    pending = list(Prediction.objects.pending_images(version).values_list("pk", flat=True))
    total = Image.objects.in_project(project).count()
    reporter.report(done=total - len(pending), total=total, phase=gettext_noop("Loading the model"))
    summary = ScoringSummary(version.number)
    if not pending:
        return summary
    return _score(version, load(version), pending, total, reporter, summary)


def _score(
    version: ModelVersion,
    scorer: Scorer,
    pending: Sequence[int],
    total: int,
    reporter: Reporter,
    summary: ScoringSummary,
) -> ScoringSummary:
    criteria = list(version.rubric.criteria.all())
    done = total - len(pending)
    reporter.report(done=done, total=total, phase=PHASE)
    for batch in feature_batches(image_ids=pending, encoder=scorer):
        reporter.report(done=done, total=total, phase=PHASE)
        scored = _scored(batch, scorer, criteria)
        store_batch(version=version, criteria=criteria, batch=batch, scored=scored)
        done += len(batch)
        summary.scored += len(batch.known)
        summary.refused += len(batch.refused)
        summary.from_cache += len(batch.known) - len(batch.encoded)
        if not _is_still_production(version):
            break  # the sweep starts over with the new version
    reporter.report(done=done, total=total, phase=PHASE)
    return summary


def _scored(batch: FeatureBatch, scorer: Scorer, criteria: Sequence[Criterion]) -> list[Scored]:
    if not batch.known:
        return []
    prompts = [source.prompt for source, _ in batch.known]
    return scorer.score([features for _, features in batch.known], prompts, scales_of(criteria))


def scales_of(criteria: Sequence[Criterion]) -> dict[str, Scale]:
    return {
        criterion.key: Scale(criterion.minimum, criterion.maximum, is_higher_better=criterion.is_higher_better)
        for criterion in criteria
    }


def _is_still_production(version: ModelVersion) -> bool:
    production = ModelVersion.objects.production(version.project)
    return production is not None and production.pk == version.pk


def store_batch(
    *, version: ModelVersion, criteria: Sequence[Criterion], batch: FeatureBatch, scored: Sequence[Scored]
) -> None:
    """Write a batch: all of it or nothing, and what is there already stays as it is."""
    embeddings = cached_embeddings(batch=batch, features_version=version.features_version)
    with transaction.atomic():
        ModelVersion.objects.select_for_update(no_key=True, of=("self",)).get(pk=version.pk)  # one writer at a time
        save_embeddings(embeddings)
        _store_refusals(version, batch)
        _store_predictions(version, criteria, batch.known, scored)


def _store_refusals(version: ModelVersion, batch: FeatureBatch) -> None:
    ScoringRefusal.objects.bulk_create(
        [
            ScoringRefusal(
                project_id=version.project_id,
                image_id=source.image_id,
                model_version=version,
                reason=refusal.reason,
                detail=refusal.detail,
            )
            for source, refusal in batch.refused
        ],
        ignore_conflicts=True,
    )


def _store_predictions(
    version: ModelVersion,
    criteria: Sequence[Criterion],
    known: Sequence[tuple[ImageSource, Features]],
    scored: Sequence[Scored],
) -> None:
    image_ids = [source.image_id for source, _ in known]
    there = set(
        Prediction.objects.filter(model_version=version, image__in=image_ids).values_list("image_id", flat=True)
    )
    new = [
        (_prediction(version, source, features, result), result)
        for (source, features), result in zip(known, scored, strict=True)
        if source.image_id not in there
    ]
    Prediction.objects.bulk_create([prediction for prediction, _ in new])
    CriterionPrediction.objects.bulk_create(
        _criterion_prediction(prediction, criterion, result.scores[criterion.key])
        for prediction, result in new
        for criterion in criteria
    )


def _prediction(version: ModelVersion, source: ImageSource, features: Features, result: Scored) -> Prediction:
    prompt, provenance = completed_prompt(source.prompt, source.provenance, features.prompt_codes)
    return Prediction(
        project_id=version.project_id,
        image_id=source.image_id,
        model_version=version,
        prompt=asdict(prompt),
        prompt_provenance=provenance,
        prompt_confidence=dict(zip(VOCABULARY, map(float, features.prompt_confidence), strict=True)),
        slice_indices=[int(index) for index in features.slice_indices],
        slice_weights=[float(weight) for weight in result.slice_weights],
        patch_weights=[one.to_document() for one in patch_maps(features, result.patch_weights)],
        physical={name: float(value) for name, value in result.physical.items()},
        ood_distance=float(result.ood_distance),
    )


def _criterion_prediction(prediction: Prediction, criterion: Criterion, score: CriterionScore) -> CriterionPrediction:
    quality = float(score.quality)
    return CriterionPrediction(
        prediction=prediction,
        criterion=criterion,
        quality=quality,
        epistemic_std=float(score.epistemic_std),
        aleatoric_std=float(score.aleatoric_std),
        lower=min(float(score.lower), quality),
        upper=max(float(score.upper), quality),
        is_prior=score.is_prior,
    )
