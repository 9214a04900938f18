"""What a worker, or a command in the foreground, does with a Job that it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

from annotations.services.jobs import Progress
from inference.models import FineTuneRun, ModelVersion
from inference.services.contracts import Reporter, Scorer, Trainer
from inference.services.scoring import score_pending
from inference.services.training import execute_run


def prescore_in(
    *, progress: Progress, load: Callable[[ModelVersion], Scorer], now: datetime, reporter: Reporter | None = None
) -> None:
    """Run the pre-scoring that the Job is of; its summary becomes the Job's result."""
    summary = score_pending(project=progress.job.project, load=load, reporter=reporter or progress, now=now)
    progress.result = asdict(summary)


def fine_tune_in(
    *, progress: Progress, load: Callable[[ModelVersion], Trainer], now: datetime, reporter: Reporter | None = None
) -> None:
    """Run the FineTuneRun that the Job is of; candidate and gate become the Job's result."""
    run = FineTuneRun.objects.select_related("project", "parent", "start", "snapshot__rubric", "candidate").get(
        job=progress.job
    )
    candidate = execute_run(run=run, load=load, reporter=reporter or progress, now=now)
    progress.result = {"model_version": candidate.number, "is_gate_passed": candidate.has_passed_gate}
