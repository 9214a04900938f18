import argparse
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from mediqa_platform.supervisor.errors import SupervisorError
from mediqa_platform.supervisor.logs import LogStream
from mediqa_platform.supervisor.product import Options, Product

EXIT_REFUSED = 2


class Command(BaseCommand):
    help = "Starts the whole product on this machine and keeps it running until Ctrl-C or SIGTERM."
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--demo", action="store_true", help="also create the demo project and its people")
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
        parser.add_argument("--port", type=int, help="port to listen on (default: 8000, or the next free one)")
        parser.add_argument("--no-build", action="store_true", help="leave the front-end as it is")
        parser.add_argument("--workers", type=_positive, default=2, help="web processes (default: 2)")

    def handle(self, *args: Any, **options: Any) -> None:
        log = LogStream()
        wanted = Options(
            is_demo=options["demo"],
            host=options["host"],
            port=options["port"],
            web_workers=options["workers"],
            builds_frontend=not options["no_build"],
            is_verbose=options["verbosity"] > 1,
        )
        try:
            Product(settings.MEDIQA_HOME, wanted, log).run()
        except SupervisorError as error:
            self.stderr.write(str(error))
            sys.exit(EXIT_REFUSED)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number
