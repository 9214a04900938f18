from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mediqa_platform.supervisor.errors import BuildError
from mediqa_platform.supervisor.frontend import Checkout, build, needs_build


class Command(BaseCommand):
    help = "Builds the front-end bundle of a checkout if its sources changed, with its own Node if there is none."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        checkout = Checkout()
        if not checkout.has_sources():
            raise CommandError("There are no front-end sources here: an installed wheel carries the bundle.")
        if not needs_build(checkout):
            self.stdout.write("The front-end is up to date.")
            return
        try:
            build(checkout, say=self._say)
        except BuildError as error:
            raise CommandError(str(error)) from error

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
