"""`manage.py ingest PATH... --project SLUG`: images from disk into a Project."""

import json
import sys
from pathlib import Path
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, OperationalError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from annotations.dicom.archives import walk_sources
from annotations.models import Project
from annotations.services.ingestion import IngestSummary, Refusal, ingest_sources, unfinished_series
from annotations.services.uploads import is_ingest_running

EXIT_REFUSED_SOME = 3
EXIT_NOT_BEGUN = 2
EXIT_STOPPED = 130


class Command(BaseCommand):
    help = (
        "Take DICOM, PNG, JPEG, TIFF and NIfTI files, folders, zip archives and DICOMDIRs into a project. "
        "Exit code 0: all was taken or known; 3: some files were refused, each with its reason; 2: nothing was begun. "
        "Running it again goes on where it was stopped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="file, folder or zip archive")
        parser.add_argument("--project", required=True, metavar="SLUG", help="the project's short name")
        parser.add_argument(
            "--careful",
            action="store_true",
            help="open each file in a process of its own first, at twice the time: when a file made the command itself "
            "crash. Switched on by itself where an earlier run was cut off",
        )
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the table and the refusals to this file")

    def handle(self, *args: Any, **options: Any) -> None:
        paths: list[Path] = options["paths"]
        report_path: Path | None = options["json"]
        check_arguments(paths, report_path)
        project = find_project(options["project"])
        console = Console(file=cast(IO[str], self.stdout._out))
        refusals: list[Refusal] = []
        try:
            summary = run_ingest(console, project, paths, refusals, is_careful=options["careful"])
        except KeyboardInterrupt as stopped:
            raise CommandError("Stopped. Run the same command again to go on.", returncode=EXIT_STOPPED) from stopped
        except (OSError, DatabaseError) as error:
            raise CommandError(
                f"Storage or database failed ({type(error).__name__}). Run the same command again to go on."
            ) from error
        console.print(summary_table(summary))
        print_refusals(console, refusals)
        if report_path is not None:
            write_report(report_path, summary, refusals)
        if refusals:
            sys.exit(EXIT_REFUSED_SOME)


def check_arguments(paths: list[Path], report_path: Path | None) -> None:
    for path in paths:
        if not path.exists():
            raise CommandError(f"There is no file or folder {path}.", returncode=EXIT_NOT_BEGUN)
    if report_path is not None and not report_path.absolute().parent.is_dir():
        raise CommandError(f"There is no folder for {report_path}.", returncode=EXIT_NOT_BEGUN)


def find_project(slug: str) -> Project:
    try:
        project = Project.objects.filter(slug=slug).first()
        known = ", ".join(Project.objects.order_by("slug").values_list("slug", flat=True)[:20])
    except OperationalError as error:
        raise CommandError(
            "The database is not running. Start it with: python manage.py up", returncode=EXIT_NOT_BEGUN
        ) from error
    if project is None:
        raise CommandError(f"There is no project {slug}. Known: {known or 'none'}.", returncode=EXIT_NOT_BEGUN)
    return project


def run_ingest(
    console: Console, project: Project, paths: list[Path], refusals: list[Refusal], *, is_careful: bool
) -> IngestSummary:
    is_alone = not is_ingest_running(project)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task("Looking for files", total=None)

        def report(*, done: int, total: int, phase: str) -> None:
            bar.update(task, completed=done, total=total, description=phase)

        return ingest_sources(
            project=project,
            sources=walk_sources(paths),
            total=sum(1 for _ in walk_sources(paths)),
            report=report,
            on_refused=refusals.append,
            adopts_unfinished=is_alone,
            is_careful=is_careful or (is_alone and bool(unfinished_series(project))),
        )


def summary_rows(summary: IngestSummary) -> list[tuple[str, int, int]]:
    counts = summary.to_json()
    names = ("studies", "series", "images", "instances")
    return [(name, counts[name]["new"], counts[name]["already_there"]) for name in names]


def summary_table(summary: IngestSummary) -> Table:
    table = Table(caption=f"Files refused: {summary.refused:,}", caption_justify="left")
    table.add_column("")
    for heading in ("new", "already there"):
        table.add_column(heading, justify="right")
    for name, new, already_there in summary_rows(summary):
        table.add_row(name, f"{new:,}", f"{already_there:,}")
    return table


def print_refusals(console: Console, refusals: list[Refusal]) -> None:
    for refusal in refusals:
        console.print(f"refused {refusal.name}: {refusal.detail} ({refusal.reason})", markup=False, soft_wrap=True)


def write_report(path: Path, summary: IngestSummary, refusals: list[Refusal]) -> None:
    rejected = [{"name": one.name, "reason": one.reason, "detail": one.detail} for one in refusals]
    path.write_text(json.dumps(summary.to_json() | {"refusals": rejected}, indent=2) + "\n", encoding="utf-8")
