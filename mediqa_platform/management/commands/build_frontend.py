from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from mediqa_platform.supervisor.errors import BuildError
from mediqa_platform.supervisor.frontend import Checkout, build, check, needs_build


class Command(BaseCommand):
    help = "Builds the front-end bundle of a checkout if its sources changed, with its own Node if there is none."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="then check types and style, and run the unit tests")

    def handle(self, *args: Any, **options: Any) -> None:
        checkout = Checkout()
        if not checkout.has_sources():
            raise CommandError("There are no front-end sources here: an installed wheel carries the bundle.")
        try:
            if needs_build(checkout):
                build(checkout, say=self._say)
            else:
                self._say("The front-end is up to date.")
            if options["check"]:
                check(checkout, say=self._say)
        except BuildError as error:
            raise CommandError(str(error)) from error

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
