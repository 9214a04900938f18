"""Runs management commands beside the product, one after the other, in one process: importing it takes seconds.

A line on standard input is the JSON list of a command's words; its answer is a line of JSON: [exit code, output].
"""

import io
import json
import os
import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout

import django
from django.core.management import call_command
from django.db import connections


def run(words: list[str]) -> tuple[int, str]:
    """Run one command, as `manage.py` would."""
    output = io.StringIO()
    code = 0
    with redirect_stdout(output), redirect_stderr(output):
        try:
            call_command(*words)
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        except Exception:
            traceback.print_exc()
            code = 1
    connections.close_all()  # the database may be killed before the next one
    return code, output.getvalue()


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mediqa_platform.settings.production")
    django.setup()
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
