"""For work on the code: Django's debug pages, the same stores as production."""

from mediqa_platform.settings.production import *  # noqa: F403

DEBUG = True
