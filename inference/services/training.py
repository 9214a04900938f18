"""The work of a fine-tuning: heads retrained on what the readers said, the encoder frozen; compared, registered, and
promoted only where the gate says so and the Project's policy leaves it to the gate."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop

from annotations.models import Criterion, PromotionPolicy
from inference.errors import StaleCandidate
from inference.mediqa.types import Scored
from inference.models import FineTuneRun, ModelVersion, Partition, Stage
from inference.services.contracts import FitRequest, Reporter, ScoredFeatures, Trainer
from inference.services.evaluation import Comparison, compare
from inference.services.finetuning import LIMITS
from inference.services.intervals import IntervalSample, interval_sample
from inference.services.material import Material, gather_material
from inference.services.registry import promote, register_candidate
from inference.services.scoring import scales_of
from inference.services.snapshots import MINIMUM_IN, check_partition_counts

logger = logging.getLogger(__name__)

SAVE_SECONDS = 0.5
TRAINING_PHASE = gettext_noop("Training")
FIT_PHASE = "fit"  # of the head that is kept; others are trials


def execute_run(
    *,
    run: FineTuneRun,
    load: Callable[[ModelVersion], Trainer],
    reporter: Reporter,
    now: datetime,
    clock: Callable[[], float] = time.monotonic,
) -> ModelVersion:
    """Train, calibrate, compare and register. Run again after a crash it starts over, or finds its candidate.

    Raises:
        CheckpointMissing, TooFewScores, ConstantScores: as `start_run`, should things have changed since.
        JobCancelled, LeaseLost: from the reporter.
    """
    candidate = run.candidate or _train(run, load, reporter, clock)
    _promote_by_policy(candidate, now)
    return candidate


def _train(
    run: FineTuneRun, load: Callable[[ModelVersion], Trainer], reporter: Reporter, clock: Callable[[], float]
) -> ModelVersion:
    reporter.report(done=0, total=0, phase=gettext_noop("Loading the model"))
    start = load(run.start or run.parent)
    material = gather_material(snapshot=run.snapshot, encoder=start, reporter=reporter)
    learnt = [c for c in material.criteria if c.key in run.config.get("criteria", [c.key])]
    validation = _only(material.partitions[Partition.VALIDATION], learnt)
    sample = interval_sample(validation=validation, at_random=material.at_random)
    trained = start.fit(_request(run, material, learnt, sample), _FitReport(run, reporter, clock))
    parent = load(run.parent)
    theirs = gather_material(snapshot=run.snapshot, encoder=parent, reporter=reporter) if run.start else material
    reporter.report(done=0, total=0, phase=gettext_noop("Comparing on the test images"))
    report = _report(run, Compared.of(parent, theirs), Compared.of(trained, material), material.at_random)
    return _register(run, trained, report | {"counts": material.counts, "intervals": dict(sample.origins)})


@dataclass(frozen=True)
class Compared:
    """A model with the test Images as its own encoder sees them."""

    model: Trainer
    test: ScoredFeatures
    criteria: tuple[Criterion, ...]

    @classmethod
    def of(cls, model: Trainer, material: Material) -> Compared:
        return cls(model, material.partitions[Partition.TEST], material.criteria)

    def scored(self, image_ids: Container[int]) -> list[Scored]:
        test = self.test.of(image_ids)
        return self.model.score(test.features, test.prompts, scales_of(self.criteria))


def _request(run: FineTuneRun, material: Material, learnt: Sequence[Criterion], sample: IntervalSample) -> FitRequest:
    config = {name: value for name, value in run.config.items() if name in LIMITS or name == "head"}
    return FitRequest(
        train=_only(material.partitions[Partition.TRAIN], learnt),
        validation=sample.scored,
        scales=scales_of(learnt),
        config=config | {"minimum_scores": MINIMUM_IN[Partition.TRAIN]},
        seed=run.seed,
        training=_provenance(run, material, learnt) | {"intervals": dict(sample.origins)},
    )


def _only(scored: ScoredFeatures, criteria: Sequence[Criterion]) -> ScoredFeatures:
    return replace(scored, targets={criterion.key: scored.targets[criterion.key] for criterion in criteria})


def _provenance(run: FineTuneRun, material: Material, learnt: Sequence[Criterion]) -> dict[str, Any]:
    """What stands in the checkpoint about its training: enough to trace it, nothing that names a patient."""
    return {
        "run": str(run.pk),
        "snapshot_sha256": run.snapshot.sha256,
        "parent_sha256": run.parent.sha256,
        "start_sha256": (run.start or run.parent).sha256,
        "criteria": [criterion.key for criterion in learnt],
        "config": dict(run.config),
        "seed": run.seed,
        "counts": material.counts,
    }


class _FitReport:
    """Hears of each training step: keeps the loss curve on the run, and passes progress on."""

    def __init__(self, run: FineTuneRun, reporter: Reporter, clock: Callable[[], float]) -> None:
        self._run = run
        self._reporter = reporter
        self._clock = clock
        self._history: list[list[Any]] = []
        self._saved = clock()

    def __call__(self, phase: str, step: int, total: int, loss: float) -> None:
        if phase != FIT_PHASE:
            self._reporter.report(done=step, total=total, phase=f"Comparing: {phase}")
            return
        self._history.append([phase, step, loss if math.isfinite(loss) else None])
        if step >= total or self._clock() - self._saved >= SAVE_SECONDS:
            self._save()
        self._reporter.report(done=step, total=total, phase=TRAINING_PHASE)

    def _save(self) -> None:
        self._saved = self._clock()
        self._run.loss_history = self._history
        self._run.save(update_fields=["loss_history"])


def _report(run: FineTuneRun, old: Compared, new: Compared, at_random: Container[int]) -> dict[str, Any]:
    """Both on the test Images that both could read; raises TooFewScores."""
    shared = set(old.test.image_ids) & set(new.test.image_ids)
    check_partition_counts({**MINIMUM_IN, Partition.TEST: len(shared)})
    test = new.test.of(shared)
    comparison = Comparison(
        old=old.scored(shared),
        new=new.scored(shared),
        targets=test.targets,
        patients=test.patients,
        criteria=new.criteria,
        seed=run.seed,
        is_random=[image_id in at_random for image_id in test.image_ids],
    )
    return {"head": dict(new.model.head_choice), **compare(comparison)}


@transaction.atomic
def _register(run: FineTuneRun, trained: Trainer, report: dict[str, Any]) -> ModelVersion:
    candidate = register_candidate(
        project=run.project,
        rubric=run.snapshot.rubric,
        parent=run.parent,
        content=trained.checkpoint(),
        report=report,
    )
    versions = {"old": run.parent.number, "new": candidate.number}
    candidate.report = report | {"versions": versions | ({"start": run.start.number} if run.start else {})}
    candidate.save(update_fields=["report"])
    run.candidate, run.report = candidate, candidate.report
    run.save(update_fields=["candidate", "report"])
    return candidate


def _promote_by_policy(candidate: ModelVersion, now: datetime) -> None:
    is_left_to_gate = candidate.project.promotion_policy == PromotionPolicy.AUTOMATIC
    if not is_left_to_gate or candidate.stage != Stage.CANDIDATE or not candidate.has_passed_gate:
        return
    try:
        promote(version=candidate, by=None, now=now)
    except StaleCandidate:
        logger.info("version %s is not promoted: production has changed since its run began", candidate.pk)
