"""Celery's entry points: keys in, one service, stop. Running twice equals running once.

Every worker and beat import this module when they start, so torch stays out of it until a task of the queues
`infer` and `train` runs, in a child process: it costs 217 MB, and one torch operation before a fork hangs the child.
"""

import logging

from celery import shared_task
from django.utils import timezone

from annotations.errors import DomainError
from annotations.queueing import enqueue_on_commit
from annotations.services.jobs import running
from inference.services.runs import fine_tune_in, prescore_in
from inference.services.scoring import projects_to_prescore, start_prescoring

logger = logging.getLogger(__name__)


@shared_task
def score_images(job_id: str) -> None:
    """Pre-score the Images of the Job's Project that production has not scored."""
    from inference.engine import engine_for  # noqa: PLC0415 - the one lazy import: torch, in the child only

    with running(job_id=job_id) as progress:
        if progress is not None:
            prescore_in(progress=progress, load=engine_for, now=timezone.now())


@shared_task
def run_fine_tuning(job_id: str) -> None:
    """Execute the FineTuneRun of the Job."""
    from inference.engine import engine_for  # noqa: PLC0415 - as above

    with running(job_id=job_id) as progress:
        if progress is not None:
            fine_tune_in(progress=progress, load=engine_for, now=timezone.now())


@shared_task
def sweep_unscored_images() -> None:
    """Beat's sweep: what ingest or a promotion left to score is pending work, found by a query."""
    now = timezone.now()
    for project in projects_to_prescore(now=now):
        try:
            enqueue_on_commit(start_prescoring(project=project, by=None, now=now))
        except DomainError as refused:
            logger.warning("project %s is not pre-scored: %s", project.slug, refused.detail)
