"""A Job run by a command, with a progress bar. Where a worker is at it already, its progress is shown instead."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import IO, cast

from django.core.management.base import CommandError, OutputWrapper
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from annotations.models import Job, JobState
from annotations.services.jobs import Progress, running
from inference.services.contracts import Reporter

POLL_SECONDS = 0.5
EXIT_REFUSED_SOME = 3
EXIT_NOT_BEGUN = 2

Work = Callable[[Progress, Reporter], None]


class BarReporter:
    """Shows what is reported, and passes it on to the Job."""

    def __init__(self, bar: Bar, task: TaskID, progress: Progress) -> None:
        self._bar = bar
        self._task = task
        self._progress = progress

    def report(self, *, done: int, total: int, phase: str = "", message: str = "") -> None:
        self._bar.update(self._task, completed=done, total=total or None, description=phase or None)
        self._progress.report(done=done, total=total, phase=phase, message=message)


def run_in_foreground(*, job: Job, work: Work, stdout: OutputWrapper) -> Job:
    """Do the Job's work here, or follow whoever does it; return it when it has ended.

    Raises:
        CommandError: it failed or was cancelled.
    """
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bar(*columns, TimeRemainingColumn(), console=console_for(stdout)) as bar:
        task = bar.add_task("Starting", total=None)
        while not job.is_final:
            with running(job_id=job.pk) as progress:
                if progress is not None:
                    work(progress, BarReporter(bar, task, progress))
            job.refresh_from_db()
            if not job.is_final:
                bar.update(task, completed=job.done, total=job.total or None, description=f"{job.phase} (a worker)")
                time.sleep(POLL_SECONDS)
    if job.state != JobState.SUCCEEDED:
        raise CommandError(job.message or job.get_state_display())
    return job


def console_for(stdout: OutputWrapper) -> Console:
    return Console(file=cast(IO[str], stdout._out))
