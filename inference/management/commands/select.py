"""`manage.py select --project SLUG`: choose the Images to be read next."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotations.errors import DomainError
from annotations.management.commands.ingest import find_project
from inference.models import AcquisitionBatch, Strategy
from inference.services.selection import select_batch

EXIT_NOT_BEGUN = 2


class Command(BaseCommand):
    help = "Choose a batch of unread images, and ask for their readings. Exit code 2: there was nothing to choose from."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG", help="the project's short name")
        parser.add_argument("--size", type=int, help="images in the batch (default: the project's)")
        parser.add_argument("--seed", type=int, help="(default: the number of batches so far)")
        parser.add_argument("--random-share", type=float, help="from 0 to 1 (default: the project's)")
        parser.add_argument("--strategy", choices=Strategy.values, default=Strategy.UNCERTAIN_DIVERSE)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            batch = select_batch(
                project=find_project(options["project"]),
                size=options["size"],
                strategy=Strategy(options["strategy"]),
                seed=options["seed"],
                random_share=options["random_share"],
            )
        except DomainError as refused:
            raise CommandError(refused.detail, returncode=EXIT_NOT_BEGUN) from refused
        self._print(batch)

    def _print(self, batch: AcquisitionBatch) -> None:
        self.stdout.write(
            f"Chose {batch.items.count()} of {batch.pool_size} unread images (seed {batch.seed}, "
            f"model version {batch.model_version.number}):"
        )
        for item in batch.items.all():
            reason = ", ".join(f"{name} {value}" for name, value in item.reason.items())
            self.stdout.write(f"  {item.rank:4}  image {item.image_id}  {item.purpose}  {reason}")
