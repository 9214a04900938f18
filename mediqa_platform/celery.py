"""The Celery application.

Queues: `default` (sweeps), `ingest` (files in), `infer` (one process a device), `train` (a fresh process a run).
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mediqa_platform.settings.production")

app = Celery("mediqa_platform")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
