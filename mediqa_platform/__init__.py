"""The project: settings, URLs, errors, queues, and the supervisor behind `manage.py up`."""

from mediqa_platform.celery import app as celery_app

__all__ = ["celery_app"]
