"""`manage.py pretrain SOURCES... --output FILE`: the same as `python -m inference.mediqa pretrain`."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inference.mediqa.cli.pretrain import add_pretraining_arguments, add_source_arguments, run_pretraining
from inference.mediqa.errors import MediqaError


class Command(BaseCommand):
    help = "Train MedIQA on simulated physical degradation of images in folders. No database is used."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        add_pretraining_arguments(parser)
        add_source_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run_pretraining(argparse.Namespace(**options), self._say)
        except (MediqaError, OSError, ValueError) as error:
            raise CommandError(str(error)) from error

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
