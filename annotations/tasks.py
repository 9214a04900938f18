"""Celery's entry points: keys in, one service, stop. Running twice equals running once."""

from celery import shared_task
from django.utils import timezone

from annotations.queueing import send
from annotations.services.jobs import requeue_lost_jobs


@shared_task
def recover_lost_jobs() -> None:
    """Beat's sweep: work whose process died, or whose message got lost, is sent again."""
    for job in requeue_lost_jobs(now=timezone.now()):
        send(job)
