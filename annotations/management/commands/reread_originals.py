"""`manage.py reread_originals`: what newer versions take from a file, for files that older ones took in."""

import sys
from collections.abc import Iterator
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, DataError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from annotations.dicom.refusals import RefusedFile
from annotations.management.commands.ingest import EXIT_REFUSED_SOME, EXIT_STOPPED, find_project
from annotations.models import Instance
from annotations.models.imaging import InstanceQuerySet
from annotations.services.ingestion import place_of
from annotations.services.objects import ObjectDamaged, ObjectMissing
from annotations.services.rereading import reread_instance


class Command(BaseCommand):
    help = (
        "Read stored originals again and fill in what newer versions take from a file: overlays, metadata, physical "
        "parameters. Frames and windows stay as they are. Exit code 0: all were read; 3: some could not be, each with "
        "its reason. Running it again changes nothing more."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", metavar="SLUG", help="only files of this project; all by default")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(file=cast(IO[str], self.stdout._out))
        try:
            instances = instances_of(options["project"])
            total = instances.count()
            changed, failures = reread_all(console, instances, total)
        except KeyboardInterrupt as stopped:
            raise CommandError("Stopped. What was read is kept.", returncode=EXIT_STOPPED) from stopped
        except DatabaseError as error:
            raise CommandError(
                f"The database failed ({type(error).__name__}). Run the same command again to go on."
            ) from error
        console.print(f"Files read: {total:,}. Changed: {changed:,}. Could not be read: {len(failures):,}.")
        for failure in failures:
            console.print(failure, markup=False, soft_wrap=True)
        if failures:
            sys.exit(EXIT_REFUSED_SOME)


def instances_of(slug: str | None) -> InstanceQuerySet:
    if slug is None:
        return Instance.objects.all()
    return Instance.objects.filter(project_instances__project=find_project(slug))


def reread_all(console: Console, instances: InstanceQuerySet, total: int) -> tuple[int, list[str]]:
    """How many changed, and a sentence for each that could not be read."""
    changed, failures = 0, list[str]()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
        for instance in bar.track(each(instances), total=total, description="Reading originals"):
            try:
                changed += reread_instance(instance=instance)
            except Exception as error:
                if isinstance(error, DatabaseError) and not isinstance(error, DataError):
                    raise
                failures.append(f"instance {instance.pk} ({instance.original_name}): {reason_of(error)}")
    return changed, failures


def each(instances: InstanceQuerySet) -> Iterator[Instance]:
    """One at a time: their metadata are long."""
    for key in instances.order_by("pk").values_list("pk", flat=True):
        yield Instance.objects.get(pk=key)


def reason_of(error: Exception) -> str:
    """In words without anything of what the file says."""
    match error:
        case ObjectMissing():
            return "the original is not in storage"
        case ObjectDamaged():
            return "the original is damaged"
        case RefusedFile():
            return str(error.reason)
        case OSError():
            return f"the storage cannot read it ({type(error).__name__})"
        case _:
            return f"it could not be processed ({place_of(error)})"
