"""For pytest: a data folder for each of its processes, real embedded services (started by tests/conftest.py), cheap
password hashes."""

import atexit
import os
import shutil
import tempfile

# Each process of the suite has a name, and inherits the folder of the process that started it.
PREFIX = f"mediqa-test-{os.environ.get('PYTEST_XDIST_WORKER', '')}"
if PREFIX not in os.environ.get("MEDIQA_HOME", ""):
    os.environ["MEDIQA_HOME"] = tempfile.mkdtemp(prefix=PREFIX)
    atexit.register(shutil.rmtree, os.environ["MEDIQA_HOME"], ignore_errors=True)

from mediqa_platform.settings.base import *  # noqa: E402, F403
from mediqa_platform.settings.base import STORAGES as BASE_STORAGES  # noqa: E402

DEBUG = False
SECRET_KEY = "tests only"  # noqa: S105
PATIENT_KEY_SECRET = "tests only"  # noqa: S105
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = BASE_STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
