"""The edges' way to the broker. Services register Jobs; who calls them sends the Jobs off, after the commit."""

from functools import partial

from celery import current_app
from django.conf import settings
from django.db import transaction

from annotations.models import Job


def enqueue_on_commit(job: Job) -> None:
    """Send the Job's task to its queue when (and only if) the transaction commits.

    A message that gets lost, or a broker that is away, is made good by the sweep `resend_forgotten_jobs`: the Job row
    says what is to be done.
    """
    transaction.on_commit(partial(send, job), robust=True)


def send(job: Job) -> None:
    current_app.send_task(settings.JOB_TASKS[job.kind], [str(job.pk)])
