"""Celery's entry points: keys in, one service, stop. Running twice equals running once."""

from celery import shared_task
from django.utils import timezone

from annotations.models import Job
from annotations.queueing import send
from annotations.services.jobs import forgotten_jobs, requeue_lost_jobs, running
from annotations.services.uploads import discard_left_over, discard_staged_files, ingest_upload


@shared_task
def recover_lost_jobs() -> None:
    """Beat's sweep: work whose process died is sent again."""
    for job in requeue_lost_jobs(now=timezone.now()):
        send(job)


@shared_task
def resend_forgotten_jobs() -> None:
    """Beat's sweep: work whose message may have got lost is sent again."""
    for job in forgotten_jobs(now=timezone.now()):
        send(job)


@shared_task
def run_ingest(job_id: str) -> None:
    """Take in the files of an upload."""
    with running(job_id=job_id) as progress:
        if progress is not None:
            ingest_upload(progress=progress)
    job = Job.objects.filter(pk=job_id).first()
    if job is not None and job.is_final:
        discard_staged_files(job=job)


@shared_task
def discard_left_over_uploads() -> None:
    """Beat's sweep: no upload stays in storage when its Job has ended or was never started."""
    discard_left_over(now=timezone.now())
