"""Gunicorn's configuration for `manage.py up` and the web image; numbers come from the environment."""

import os

_shared_memory = "/dev/shm"  # noqa: S108 - gunicorn makes private files in it

bind = os.environ.get("MEDIQA_BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = int(os.environ.get("MEDIQA_WEB_WORKERS", "2"))
threads = int(os.environ.get("MEDIQA_WEB_THREADS", "8"))
# No preload: SIGHUP must read the front-end's manifest again, and database connections must not cross a fork.
preload_app = False
timeout = 120
graceful_timeout = 15
keepalive = 30
max_requests = 20_000
max_requests_jitter = 2_000
accesslog = None
errorlog = "-"
loglevel = os.environ.get("MEDIQA_WEB_LOG_LEVEL", "warning")
control_socket_disable = True
worker_tmp_dir = _shared_memory if os.access(_shared_memory, os.W_OK) else None
