"""`mediqa ...` and `python -m mediqa_platform ...`: the same commands as manage.py, from anywhere."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from mediqa_platform.supervisor.errors import SupervisorError

EXIT_WRONG_SETTING = 2


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mediqa_platform.settings.production")
    try:
        execute_from_command_line(sys.argv)
    except (ImproperlyConfigured, SupervisorError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(EXIT_WRONG_SETTING)


if __name__ == "__main__":
    main()
