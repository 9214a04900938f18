"""For pytest: an own data folder, real embedded services (started by tests/conftest.py), cheap password hashes."""

import atexit
import os
import shutil
import tempfile

if "MEDIQA_HOME" not in os.environ:
    os.environ["MEDIQA_HOME"] = tempfile.mkdtemp(prefix="mediqa-test-")
    atexit.register(shutil.rmtree, os.environ["MEDIQA_HOME"], ignore_errors=True)

from mediqa_platform.settings.base import *  # noqa: F403
from mediqa_platform.settings.base import STORAGES as BASE_STORAGES

DEBUG = False
SECRET_KEY = "tests only"  # noqa: S105
PATIENT_KEY_SECRET = "tests only"  # noqa: S105
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = BASE_STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
