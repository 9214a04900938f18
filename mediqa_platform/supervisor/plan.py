"""Which processes the product consists of, and how each is started."""

import hashlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mediqa_platform.supervisor import home as homes
from mediqa_platform.supervisor.child import ChildSpec
from mediqa_platform.supervisor.embedded import EmbeddedService
from mediqa_platform.supervisor.frontend import SOURCE_ROOT
from mediqa_platform.supervisor.leftovers import RUN_VARIABLE

STOP_RANKS = {"web": 0, "beat": 1, "worker": 2, "one-shot": 2, "valkey": 3, "postgres": 4}
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
# Small networks gain nothing from more threads; several processes share the machine.
MOST_THREADS = 8
# Celery warns of pickle under root; only JSON is accepted here.
ROOT_WARNING = "ignore:You're running the worker with superuser privileges"
WORKER_STOP_SECONDS = 30.0
BUILD_NICENESS = 10


@dataclass(frozen=True)
class Plan:
    """Everything that the children of one `up` have in common."""

    home: Path
    run_token: str
    database_url: str
    broker_url: str
    is_verbose: bool = False
    extra: Mapping[str, str] = field(default_factory=dict)

    def environment(self, *, threads: int = 1, **more: str) -> dict[str, str]:
        """A child's environment: the stores' addresses, the run's mark, and how many threads libraries may use."""
        own = {
            "MEDIQA_HOME": str(self.home),
            "DATABASE_URL": self.database_url,
            "BROKER_URL": self.broker_url,
            "PYTHONUNBUFFERED": "1",
            "PYTHONSAFEPATH": "1",
            RUN_VARIABLE: self.run_token,
            **_checkout_on_path(),
            **self.extra,
        }
        limits = {name: os.environ.get(name) if threads > 1 else None for name in THREAD_VARIABLES}
        return {**os.environ, **{name: limit or str(threads) for name, limit in limits.items()}, **own, **more}

    def manage(self, *arguments: str, name: str | None = None, niceness: int = 0) -> ChildSpec:
        """A management command that runs to its end."""
        return ChildSpec(
            name=name or arguments[0],
            command=_python("-m", "mediqa_platform", *arguments),
            environment=self.environment(),
            stop_rank=STOP_RANKS["one-shot"],
            is_one_shot=True,
            niceness=niceness,
        )

    def web(self, listener: int, *, workers: int) -> ChildSpec:
        """Gunicorn on an inherited, bound socket: no request is refused while it starts again."""
        level = "info" if self.is_verbose else "warning"
        return ChildSpec(
            name="web",
            command=_python(
                *("-m", "gunicorn", "--config", "python:mediqa_platform.supervisor.gunicorn_conf"),
                "mediqa_platform.wsgi:application",
            ),
            environment=self.environment(
                MEDIQA_BIND=f"fd://{listener}", MEDIQA_WEB_WORKERS=str(workers), MEDIQA_WEB_LOG_LEVEL=level
            ),
            stop_rank=STOP_RANKS["web"],
            stop_seconds=20.0,
            death_signal=signal.SIGQUIT,
            pass_fds=(listener,),
        )

    def workers(self) -> list[ChildSpec]:
        """One Celery worker for each queue: no ingest, however long, keeps the sweeps of `default` waiting."""
        cores = min(MOST_THREADS, usable_cores())
        return [
            self._worker("default", concurrency=1, threads=1),
            self._worker("ingest", concurrency=min(4, max(2, usable_cores())), threads=1),
            self._worker("infer", concurrency=1, threads=cores),
            self._worker("train", "--max-tasks-per-child", "1", concurrency=1, threads=cores),
        ]

    def _worker(self, queue: str, *options: str, concurrency: int, threads: int) -> ChildSpec:
        arguments = (
            *("--queues", queue, "--concurrency", str(concurrency), "--pool", "prefork"),
            *("--hostname", f"{queue}@mediqa-{_digest(self.home)}", "--without-gossip", "--without-mingle"),
            *("--include", "mediqa_platform.supervisor.pool_children", *options),
        )
        return ChildSpec(
            name=queue,
            command=self._celery("worker", *arguments),
            environment=self.environment(threads=threads, PYTHONWARNINGS=ROOT_WARNING),
            stop_rank=STOP_RANKS["worker"],
            stop_seconds=WORKER_STOP_SECONDS,
        )

    def beat(self) -> ChildSpec:
        """Celery's clock; its schedule lies in the data folder."""
        schedule = str(homes.run_folder(self.home) / "beat-schedule")
        return ChildSpec(
            name="beat",
            command=self._celery("beat", "--schedule", schedule, "--pidfile", ""),
            environment=self.environment(),
            stop_rank=STOP_RANKS["beat"],
        )

    def service(self, service: EmbeddedService) -> ChildSpec:
        """An embedded server, prepared anew before each start."""
        return ChildSpec(
            name=service.name,
            command=service.command(),
            environment=service.environment(),
            cwd=self.home,
            stop_rank=STOP_RANKS[service.name],
            stop_signal=service.stop_signal,
            stop_seconds=60.0,
            death_signal=service.stop_signal,
            before_start=service.prepare,
            account=lambda: service.account,
            is_noise=lambda line: not self.is_verbose and service.noise.match(line) is not None,
        )

    def _celery(self, program: str, *arguments: str) -> tuple[str, ...]:
        level = "INFO" if self.is_verbose else "WARNING"
        quiet = () if self.is_verbose else ("--quiet",)
        return _python("-m", "celery", *quiet, "-A", "mediqa_platform", program, "--loglevel", level, *arguments)


def usable_cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, *arguments)


def _checkout_on_path() -> dict[str, str]:
    """Make a checkout that is not installed importable; an installed package needs nothing."""
    if not (SOURCE_ROOT / "pyproject.toml").exists():
        return {}
    paths: Sequence[str] = [str(SOURCE_ROOT), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}


def _digest(home: Path) -> str:
    return hashlib.sha256(os.fsencode(home)).hexdigest()[:8]
