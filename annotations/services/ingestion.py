"""Files in, Images out. Idempotent and resumable: what is there stays, what was cut off is finished by the next run."""

from __future__ import annotations

import hashlib
import logging
import os
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Protocol

from django.db import DatabaseError, DataError
from django.utils.translation import gettext_noop
from pydicom import Dataset

from annotations.dicom import tags
from annotations.dicom.archives import Source, SourceFile, SourceRefusal
from annotations.dicom.loading import load_datasets
from annotations.dicom.refusals import RefusalReason, RefusedFile, Sentence
from annotations.dicom.trial import Trial
from annotations.errors import ConflictingInstance
from annotations.models import Instance, Project, ProjectInstance, Series
from annotations.services.images import group_series
from annotations.services.instances import (
    StoredInstance,
    are_stored,
    has_conflict,
    known_instances,
    record_instances,
    store_objects,
    take_instance,
)

logger = logging.getLogger(__name__)

READING, GROUPING = gettext_noop("Reading files"), gettext_noop("Making images")
THREADS = max(4, min(8, os.cpu_count() or 4))  # more than two cores' worth: half of the time is waiting for the disk
MOST_BYTES_IN_FLIGHT = 256 * 2**20


class Report(Protocol):
    """Told after each step how far the work is. May raise to stop it; what was taken so far stays."""

    def __call__(self, *, done: int, total: int, phase: str) -> None: ...


@dataclass(frozen=True)
class Refusal:
    """A file that was not taken: its name as sent, a short code and a sentence."""

    name: str
    reason: str
    detail: str


@dataclass
class Count:
    """Rows that the Project had not (`new`) and had (`already_there`) before."""

    new: int = 0
    already_there: int = 0

    def add(self, *, is_new: bool) -> None:
        if is_new:
            self.new += 1
        else:
            self.already_there += 1


@dataclass
class IngestSummary:
    studies: Count = field(default_factory=Count)
    series: Count = field(default_factory=Count)
    images: Count = field(default_factory=Count)
    instances: Count = field(default_factory=Count)
    refused: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def ingest_sources(
    *,
    project: Project,
    sources: Iterable[Source],
    total: int = 0,
    report: Report | None = None,
    on_refused: Callable[[Refusal], None] | None = None,
    since: datetime | None = None,
    adopts_unfinished: bool = True,
    is_careful: bool = False,
) -> IngestSummary:
    """Take files into a Project. A bad file is refused with its reason and never stops the rest.

    Args:
        total: how many sources there are, as far as is known; for the progress only.
        since: rows that were added at this time or later count as new: when an earlier attempt was cut off.
        adopts_unfinished: also make the Images that an earlier ingest of the Project was cut off from making.
        is_careful: open each file in a process of its own first, at twice the time: an earlier attempt may have died of
            one of them.

    Raises:
        OSError, DatabaseError: storage or database are away or full. Run it again: nothing is lost or doubled.
    """
    with Trial() as trial:
        ingest = _Ingest(project, total, report, on_refused, since, trial if is_careful else None)
        ingest.read(sources)
        ingest.refuse_lone_directories()
    ingest.group(adopts_unfinished=adopts_unfinished)
    return ingest.summary


@dataclass(frozen=True)
class _Opened:
    name: str
    content: bytes
    sha256: str
    datasets: list[Dataset]

    @property
    def uids(self) -> frozenset[str]:
        return frozenset(tags.text(dataset, "SOPInstanceUID") for dataset in self.datasets)


@dataclass(frozen=True)
class _InFlight:
    opened: _Opened
    future: Future[list[StoredInstance]]


class _Ingest:
    """One run. Threads decode and store objects; this one reads files in order and writes all rows."""

    def __init__(
        self,
        project: Project,
        total: int,
        report: Report | None,
        on_refused: Callable[[Refusal], None] | None,
        since: datetime | None,
        trial: Trial | None,
    ) -> None:
        self.project = project
        self.summary = IngestSummary()
        self._total = total
        self._done = 0
        self._report = report
        self._on_refused = on_refused
        self._since = since
        self._trial = trial
        self._in_flight: deque[_InFlight] = deque()
        self._passed_over: list[str] = []
        self._seen_instances: set[int] = set()
        self._seen_series: set[int] = set()
        self._seen_studies: set[int] = set()

    def read(self, sources: Iterable[Source]) -> None:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="ingest") as pool:
            try:
                for source in sources:
                    self._begin(source, pool)
                self._land_all()
            finally:
                for flight in self._in_flight:
                    flight.future.cancel()

    def _begin(self, source: Source, pool: ThreadPoolExecutor) -> None:
        if isinstance(source, SourceRefusal):
            self._refuse(source.name, source.reason, source.detail)
            self._step()
            return
        opened = self._open(source)
        if opened is None:
            self._step()
            return
        self._make_room(opened)
        if self._is_free(opened):
            self._in_flight.append(_InFlight(opened, pool.submit(store_objects, opened.content, opened.datasets)))
        else:
            self._step()

    def _open(self, source: SourceFile) -> _Opened | None:
        """The file, parsed; None when it is known already, or refused."""
        try:
            content = source.read()
            sha256 = hashlib.sha256(content).hexdigest()
            known = known_instances(sha256)
            if not known or not are_stored(known):
                if self._trial is not None:
                    self._trial.check(content)
                return _Opened(source.name, content, sha256, load_datasets(content))
            self._count([take_instance(project=self.project, instance=one) for one in known])
        except Exception as error:
            self._refuse_for(source.name, error)
        return None

    def _is_free(self, opened: _Opened) -> bool:
        """Whether nobody else has taken the UIDs of the file; asked before anything of it is stored."""
        is_free = not has_conflict(opened.sha256, opened.datasets)
        if not is_free:
            self._refuse_for(opened.name, ConflictingInstance())
        return is_free

    def _make_room(self, opened: _Opened) -> None:
        """Wait until memory allows for one more file, and until no file with the same UIDs is on its way."""
        while self._in_flight and (
            len(self._in_flight) >= 2 * THREADS
            or len(opened.content) + sum(len(one.opened.content) for one in self._in_flight) > MOST_BYTES_IN_FLIGHT
            or any(opened.uids & one.opened.uids for one in self._in_flight)
        ):
            self._land(self._in_flight.popleft())

    def _land_all(self) -> None:
        while self._in_flight:
            self._land(self._in_flight.popleft())

    def _land(self, flight: _InFlight) -> None:
        try:
            self._count(record_instances(project=self.project, stored=flight.future.result()))
        except Exception as error:
            self._refuse_for(flight.opened.name, error)
        self._step()

    def _count(self, taken: list[tuple[Instance, bool]]) -> None:
        for instance, is_new in taken:
            if instance.pk in self._seen_instances:
                continue
            self._seen_instances.add(instance.pk)
            self.summary.instances.add(is_new=is_new or self._is_recent(instance))
            self._count_series(instance.series, {one.pk for one, is_added in taken if is_added})

    def _is_recent(self, instance: Instance) -> bool:
        if self._since is None:
            return False
        taken = ProjectInstance.objects.filter(project=self.project, instance=instance)
        return taken.filter(added_at__gte=self._since).exists()

    def _count_series(self, series: Series, just_added: set[int]) -> None:
        if series.pk in self._seen_series:
            return
        self._seen_series.add(series.pk)
        before = ProjectInstance.objects.filter(project=self.project).exclude(instance__in=just_added)
        if self._since is not None:
            before = before.filter(added_at__lt=self._since)
        self.summary.series.add(is_new=not before.filter(instance__series=series).exists())
        if series.study_id not in self._seen_studies:
            self._seen_studies.add(series.study_id)
            is_known = before.filter(instance__series__study=series.study_id).exists()
            self.summary.studies.add(is_new=not is_known)

    def _refuse_for(self, name: str, error: Exception) -> None:
        """Refuse the file for what went wrong with it; what is no fault of the file is raised."""
        if isinstance(error, RefusedFile):
            self._refuse(name, error.reason, error.detail)
        elif isinstance(error, ConflictingInstance):
            self._refuse(name, error.code, str(error))
        elif isinstance(error, OSError | DatabaseError) and not isinstance(error, DataError):
            raise error
        else:
            logger.warning("a file could not be processed: %s", place_of(error))
            detail = Sentence(
                "It could not be processed (%(error)s). Please report this with the kind of file.",
                error=type(error).__name__,
            )
            self._refuse(name, RefusalReason.CORRUPT, detail)

    def _refuse(self, name: str, reason: str, detail: str) -> None:
        if isinstance(reason, RefusalReason) and reason.is_silent:
            self._passed_over.append(name)
            return
        self.summary.refused += 1
        if self._on_refused is not None:
            self._on_refused(Refusal(name, str(reason), detail))

    def refuse_lone_directories(self) -> None:
        """A DICOMDIR is passed over beside the files that it lists; where it came alone, that is said."""
        if self._seen_instances or self.summary.refused:
            return
        detail = Sentence("A DICOMDIR only lists files; send those with it, or their folder.")
        for name in self._passed_over:
            self._refuse(name, RefusalReason.DICOMDIR_ALONE, detail)

    def _step(self) -> None:
        self._done += 1
        if self._report is not None:
            self._report(done=self._done, total=max(self._total, self._done), phase=READING)

    def group(self, *, adopts_unfinished: bool) -> None:
        series_ids = set(self._seen_series)
        if adopts_unfinished:
            series_ids.update(unfinished_series(self.project))
        for done, series_id in enumerate(sorted(series_ids), start=1):
            for grouped in group_series(project=self.project, series_id=series_id):
                added_at = grouped.project_image.added_at
                is_recent = self._since is not None and added_at >= self._since
                self.summary.images.add(is_new=grouped.is_new or is_recent)
            if self._report is not None:
                self._report(done=done, total=len(series_ids), phase=GROUPING)


def place_of(error: Exception) -> str:
    """Type and place of an error, for the log. Never its text, which may hold a patient's identifiers."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at {frames[-1].filename}:{frames[-1].lineno}" if frames else type(error).__name__


def unfinished_series(project: Project) -> set[int]:
    """Series with Instances that the Project has taken but made no Image of."""
    unfinished = ProjectInstance.objects.filter(project=project).without_image()
    return set(unfinished.values_list("instance__series", flat=True))
