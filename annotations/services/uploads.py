"""Uploads wait in storage, as files of a staged Job, until that Job takes them in."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import BinaryIO, cast

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Count, Sum
from django.utils.translation import gettext as _

from annotations.dicom.archives import Source, SourceRefusal, walk_upload
from annotations.dicom.refusals import RefusalReason, Sentence
from annotations.errors import JobFinished, NothingStaged, NotStaged, UploadTooLarge
from annotations.models import IngestRefusal, Job, JobKind, JobState, Project, StagedFile, User
from annotations.services.ingestion import IngestSummary, Refusal, ingest_sources
from annotations.services.jobs import Progress, cancel_job, create_job

LONGEST_NAME = 500
NEVER_STARTED = timedelta(hours=24)


def open_upload(*, project: Project, created_by: User) -> Job:
    return create_job(project=project, kind=JobKind.INGEST, created_by=created_by, state=JobState.STAGED)


def stage_files(*, job: Job, files: Sequence[tuple[str, File[bytes]]]) -> list[StagedFile]:
    """Keep uploaded files, each with the relative path under which it was sent, for the Job to come.

    Raises:
        NotStaged: the Job was started already.
        UploadTooLarge: more files or bytes than an upload may have.
    """
    _check_limits(job, files)
    staged = [_stage(job, name, content) for name, content in files]
    try:
        with transaction.atomic():
            _lock_staged(job)
            return StagedFile.objects.bulk_create(staged)
    except NotStaged:
        _delete_objects(staged)
        raise


def _check_limits(job: Job, files: Sequence[tuple[str, File[bytes]]]) -> None:
    if job.state != JobState.STAGED:
        raise NotStaged
    so_far = job.staged_files.aggregate(count=Count("pk"), size=Sum("byte_size"))
    if so_far["count"] + len(files) > settings.UPLOAD_MAX_FILES:
        raise UploadTooLarge(
            _("An upload holds at most %(count)s files. Start it, and open another.")
            % {"count": settings.UPLOAD_MAX_FILES}
        )
    if (so_far["size"] or 0) + sum(content.size for _, content in files) > settings.UPLOAD_MAX_BYTES:
        limit = settings.UPLOAD_MAX_BYTES / 2**30
        raise UploadTooLarge(
            _("An upload holds at most %(limit)s GiB. Start it, and open another.") % {"limit": f"{limit:.3g}"}
        )


def _stage(job: Job, name: str, content: File[bytes]) -> StagedFile:
    storage_name = default_storage.save(f"staged/{job.pk}/{uuid.uuid4().hex}", content)
    return StagedFile(job=job, name=safe_name(name), storage_name=storage_name, byte_size=content.size)


def safe_name(name: str) -> str:
    """A relative path to show to people: never one that leads up, starts at a root or holds control characters."""
    printable = "".join(letter for letter in name.replace("\\", "/") if letter.isprintable())
    parts = [part for part in printable.split("/") if part not in ("", ".", "..")]
    return "/".join(parts)[-LONGEST_NAME:] or "unnamed"


def _lock_staged(job: Job) -> Job:
    locked = Job.objects.select_for_update(no_key=True).get(pk=job.pk)
    if locked.state != JobState.STAGED:
        raise NotStaged
    return locked


@transaction.atomic
def start_upload(*, job: Job) -> Job:
    """Let the Job begin; its caller sends it to the queue.

    Raises:
        NotStaged: it was started, or cancelled, before.
        NothingStaged: there is no file in it.
    """
    locked = _lock_staged(job)
    count = locked.staged_files.count()
    if not count:
        raise NothingStaged
    locked.state, locked.total = JobState.QUEUED, count
    locked.save(update_fields=["state", "total"])
    return locked


def ingest_upload(*, progress: Progress) -> IngestSummary:
    """Take in what was staged. After a kill it is done again from the start: what was taken is there already."""
    job = progress.job
    IngestRefusal.objects.filter(job=job).delete()
    staged = list(job.staged_files.all())

    def report(*, done: int, total: int, phase: str) -> None:
        progress.report(done=done, total=total, phase=phase)

    def store_refusal(refusal: Refusal) -> None:
        detail = Sentence.of(refusal.detail)
        IngestRefusal.objects.create(
            job=job,
            name=refusal.name[-LONGEST_NAME:],
            reason=refusal.reason,
            detail=detail,
            pattern=detail.pattern,
            values=detail.values,
        )

    summary = ingest_sources(
        project=job.project,
        sources=_staged_sources(staged),
        total=len(staged),
        report=report,
        on_refused=store_refusal,
        since=job.started_at if job.attempt > 1 else None,
        adopts_unfinished=not is_ingest_running(job.project, besides=job),
        is_careful=job.attempt > 1,
    )
    progress.result = summary.to_json()
    return summary


def is_ingest_running(project: Project, besides: Job | None = None) -> bool:
    """Whether another ingest is on its way: its Instances without an Image are not left over, only not done yet."""
    others = Job.objects.active().filter(project=project, kind=JobKind.INGEST)
    return any(job != besides for job in others)


def _staged_sources(staged: Sequence[StagedFile]) -> Iterator[Source]:
    for one in staged:
        try:
            with default_storage.open(one.storage_name, "rb") as content:
                yield from walk_upload(one.name, cast(BinaryIO, content))
        except FileNotFoundError:
            yield SourceRefusal(one.name, RefusalReason.UNREADABLE, "The upload of this file is gone. Send it again.")


def cancel_upload(*, job: Job, now: datetime) -> Job:
    """Cancel an ingest; what was staged for one that had not begun is deleted.

    Raises:
        JobFinished: it ended before.
    """
    cancelled = cancel_job(job=job, now=now)
    if cancelled.is_final:
        discard_staged_files(job=cancelled)
    return cancelled


def discard_staged_files(*, job: Job) -> None:
    """Delete what was staged: the Job has taken or refused it."""
    staged = list(job.staged_files.all())
    _delete_objects(staged)
    StagedFile.objects.filter(pk__in=[one.pk for one in staged]).delete()


def _delete_objects(staged: Sequence[StagedFile]) -> None:
    for one in staged:
        default_storage.delete(one.storage_name)


def discard_left_over(*, now: datetime) -> None:
    """Delete what was staged for Jobs that have ended, and cancel uploads that nobody has started for a day."""
    for job in Job.objects.left_over_uploads(opened_before=now - NEVER_STARTED):
        if not job.is_final:
            try:
                cancel_job(job=job, now=now)
            except JobFinished:
                continue
        discard_staged_files(job=job)
