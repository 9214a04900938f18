"""The life of a Job. Its lease says that a process is at work on it; who finds it lapsed may take the work over."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_noop

from annotations.errors import DomainError, JobAlreadyActive, JobCancelled, JobFinished, LeaseLost
from annotations.models import Job, JobKind, JobState, Project, User

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=15)
HEARTBEAT_SECONDS = 3.0
REPORT_SECONDS = 0.5
QUEUED_TOO_LONG = timedelta(seconds=60)
MOST_ATTEMPTS = 4
PATIENCE = timedelta(hours=24)


def create_job(
    *,
    project: Project,
    kind: JobKind,
    created_by: User | None,
    parameters: dict[str, Any] | None = None,
    state: JobState = JobState.QUEUED,
) -> Job:
    """Register work. Of pre-scorings and fine-tunings a Project has one at a time.

    Raises:
        JobAlreadyActive: the same kind of work runs or waits already.
    """
    try:
        with transaction.atomic():
            return Job.objects.create(
                project=project, kind=kind, created_by=created_by, parameters=parameters or {}, state=state
            )
    except IntegrityError as error:
        raise JobAlreadyActive from error


def cancel_job(*, job: Job, now: datetime) -> Job:
    """Ask a running Job to stop; one that has not begun stops at once.

    Raises:
        JobFinished: it ended before.
    """
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=job.pk)
        if job.is_final:
            raise JobFinished
        job.is_cancel_requested = True
        if job.state != JobState.RUNNING:
            job.state, job.finished_at, job.message = JobState.CANCELLED, now, JobCancelled.to_store()
        job.save()
    return job


def requeue_lost_jobs(*, now: datetime) -> list[Job]:
    """Give work back whose process has died, and return what must be sent to the broker again."""
    with transaction.atomic():
        lost = list(Job.objects.lost(now).select_for_update(skip_locked=True))
        for job in lost:
            _give_back(job, now)
    return [job for job in lost if job.state == JobState.QUEUED]


def forgotten_jobs(*, now: datetime) -> list[Job]:
    """Work that has waited so long that its message may be lost. Sent again it runs once: the lease sees to that."""
    return list(Job.objects.filter(state=JobState.QUEUED, created_at__lt=now - QUEUED_TOO_LONG))


def _give_back(job: Job, now: datetime) -> None:
    job.lease_token = job.lease_expires_at = None
    if job.is_cancel_requested:
        job.state, job.finished_at, job.message = JobState.CANCELLED, now, JobCancelled.to_store()
    elif job.attempt >= MOST_ATTEMPTS:
        job.state, job.finished_at = JobState.FAILED, now
        job.message = (
            f"It was begun {job.attempt} times and never came to its end: the worker died, or the storage or the "
            "database was away. See the worker's log."
        )
    else:
        job.state = JobState.QUEUED
    job.save()


class Progress:
    """What running work tells about itself. Every report extends the lease, and hears of a cancellation."""

    def __init__(self, job: Job, token: uuid.UUID, clock: Callable[[], datetime]) -> None:
        self.job = job
        self.result: dict[str, Any] = dict(job.result)
        self._token = token
        self._clock = clock
        self._reported_at = datetime.min.replace(tzinfo=clock().tzinfo)
        self._phase = ""  # a phase that an earlier attempt was cut off in begins anew

    def report(self, *, done: int, total: int, phase: str = "", message: str = "") -> None:
        """Say how far the work is; cheap enough to be called for every step.

        Raises:
            JobCancelled: a person asked to stop.
            LeaseLost: another process has taken over.
        """
        now = self._clock()
        is_new_phase = bool(phase) and phase != self._phase
        if not is_new_phase and done < total and (now - self._reported_at).total_seconds() < REPORT_SECONDS:
            return
        self._reported_at, self._phase = now, phase or self._phase
        begun = {"phase_started_at": now} if is_new_phase else {}
        held = Job.objects.filter(pk=self.job.pk, state=JobState.RUNNING, lease_token=self._token)
        if not held.update(
            done=min(done, total) if total else done,
            total=total,
            phase=self._phase,
            message=message,
            lease_expires_at=now + LEASE,
            **begun,
        ):
            raise LeaseLost
        if held.filter(is_cancel_requested=True).exists():
            raise JobCancelled


@contextmanager
def running(*, job_id: uuid.UUID | str, clock: Callable[[], datetime] = timezone.now) -> Iterator[Progress | None]:
    """Hold a Job's lease for the length of the block, and write how it ended.

    Yields None when there is nothing to do: it ended, or another process is at it. A DomainError in the block becomes
    the Job's message; any other exception too, without its text (it may hold identifiers), and is raised again. When
    the database or the storage was away, nothing is written: the lease lapses, and the work is given back.
    """
    token = uuid.uuid4()
    job = _take(job_id, token, clock())
    if job is None:
        yield None
        return
    progress = Progress(job, token, clock)
    stop = _start_heartbeat(job.pk, token, clock)
    try:
        yield progress
    except LeaseLost:
        logger.warning("job %s: another worker has taken it over", job.pk)
    except JobCancelled as cancelled:
        _end(progress, token, JobState.CANCELLED, clock(), str(cancelled))
    except DomainError as refused:
        _end(progress, token, JobState.FAILED, clock(), str(refused))
    except (OperationalError, InterfaceError, OSError) as error:
        logger.warning("job %s: a store was away (%s); tried again when the lease lapses", job.pk, type(error).__name__)
        _forgive(progress, token, clock())
        raise
    except Exception as error:
        _end(progress, token, JobState.FAILED, clock(), f"It failed unexpectedly ({type(error).__name__}).")
        raise
    else:
        _end(progress, token, JobState.SUCCEEDED, clock(), "")
    finally:
        stop()


def _take(job_id: uuid.UUID | str, token: uuid.UUID, now: datetime) -> Job | None:
    with transaction.atomic():
        job = Job.objects.select_for_update().filter(pk=job_id).first()
        if job is None or job.state not in (JobState.QUEUED, JobState.RUNNING):
            return None
        if job.state == JobState.RUNNING and job.lease_expires_at is not None and job.lease_expires_at > now:
            return None
        job.state, job.lease_token, job.lease_expires_at = JobState.RUNNING, token, now + LEASE
        job.started_at = job.started_at or now
        job.attempt += 1
        job.save()
    return job


def _end(progress: Progress, token: uuid.UUID, state: JobState, now: datetime, message: str) -> None:
    Job.objects.filter(pk=progress.job.pk, lease_token=token, state=JobState.RUNNING).update(
        state=state,
        message=message,
        result=progress.result,
        finished_at=now,
        lease_token=None,
        lease_expires_at=None,
    )


def _forgive(progress: Progress, token: uuid.UUID, now: datetime) -> None:
    """An attempt that a store's absence ended does not count, for a day: what was sent is not to be sent again."""
    held = Job.objects.filter(pk=progress.job.pk, lease_token=token, started_at__gt=now - PATIENCE, attempt__gt=1)
    with suppress(OperationalError, InterfaceError):
        held.update(attempt=F("attempt") - 1, message=gettext_noop("The storage does not answer; it is tried again."))


def _start_heartbeat(job_id: uuid.UUID, token: uuid.UUID, clock: Callable[[], datetime]) -> Callable[[], None]:
    """Extend the lease from a thread of its own, for steps that take longer than a lease."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(HEARTBEAT_SECONDS):
            try:
                Job.objects.filter(pk=job_id, lease_token=token).update(lease_expires_at=clock() + LEASE)
            except Exception as error:
                logger.warning("job %s: heartbeat failed (%s)", job_id, type(error).__name__)
            finally:
                connection.close()

    thread = threading.Thread(target=beat, name=f"heartbeat-{job_id}", daemon=True)
    thread.start()

    def stop() -> None:
        ended.set()
        thread.join()

    return stop
