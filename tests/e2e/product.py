"""The product under test: `manage.py up` on a data folder of its own, looked at from outside."""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg
import requests

from mediqa_platform.supervisor.frontend import SOURCE_ROOT
from mediqa_platform.supervisor.home import embedded_database_url
from mediqa_platform.supervisor.leftovers import clear_leftovers
from mediqa_platform.supervisor.postgres import EmbeddedPostgres
from mediqa_platform.supervisor.records import recorded_process
from mediqa_platform.supervisor.valkey import EmbeddedValkey
from tests.platform.deadlines import eventually
from tests.platform.running import OURS, Running

START_SECONDS = 180  # generous: other tests may use the machine
FILES_A_REQUEST = 25
PASSWORD = "correct horse battery"
SLOW = """
CREATE OR REPLACE FUNCTION write_slowly() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN PERFORM pg_sleep(TG_ARGV[0]::float8); RETURN NEW; END $$;
CREATE TRIGGER slow_disk BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION write_slowly({seconds});
"""


class Product:
    """One running installation. What it says of itself is compared with its database, asked directly."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "data folder"
        arguments = ["-m", "mediqa_platform", "up", "--workers", "2"]
        self.running = Running(arguments, folder / "output", {"MEDIQA_HOME": str(self.home)})
        self.address = self.running.wait_for(r"ready: (\S+)/", seconds=START_SECONDS).group(1)
        self.first_pages = first_pages(self.address)
        self.clerk = Clerk(self.home)

    def stop(self) -> None:
        """Leave no process behind, whatever a test did."""
        self.clerk.leave()
        self.running.end(signal.SIGTERM, seconds=120)
        clear_leftovers(self.home, but_services=())
        for service in (EmbeddedValkey(self.home), EmbeddedPostgres(self.home)):
            service.stop()

    def manage(self, *words: str) -> str:
        """Run a management command beside the running product, and return what it printed."""
        code, output = self.clerk.ask(words)
        assert code == 0, output
        return output

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the database; one that was just killed is waited for."""
        connection = eventually(self._connection, seconds=60, what="the database")
        with connection:
            return connection.execute(statement, values).fetchall()  # type: ignore[arg-type]

    def _connection(self) -> "psycopg.Connection[Any] | None":
        try:
            return psycopg.connect(embedded_database_url(self.home))
        except psycopg.OperationalError:
            return None

    def value(self, statement: str, *values: object) -> Any:
        return self.rows(statement, *values)[0][0]

    @contextmanager
    def slow_disk(self, table: str, *, seconds: float) -> Iterator[None]:
        """Let each new row of a table take this long, so that work on any machine lasts until it is cut off."""
        self.run(SLOW.format(table=table, seconds=seconds))
        try:
            yield
        finally:
            self.run(f"DROP TRIGGER slow_disk ON {table}")

    def run(self, statements: str) -> None:
        with eventually(self._connection, seconds=60, what="the database") as connection:
            connection.execute(statements)

    def add_person(self, username: str, project: str, role: str) -> None:
        code = (
            "from annotations.models import *; "
            f"u, _ = User.objects.get_or_create(username={username!r}); u.set_password({PASSWORD!r}); u.save(); "
            f"Membership.objects.get_or_create(user=u, project=Project.objects.get(slug={project!r}), role={role!r})"
        )
        self.manage("shell", "--no-imports", "-c", code)

    def add_project(self, slug: str, **policy: object) -> None:
        code = (
            "from annotations.services.projects import create_project; "
            f"create_project(name={slug!r}, slug={slug!r}, creator=None, **{policy!r})"
        )
        self.manage("shell", "--no-imports", "-c", code)

    def api(self, username: str) -> "Api":
        return Api(self.address, self.manage("create_token", username).strip())

    def process(self, child: str) -> psutil.Process:
        """The main process of a child: postgres, valkey, web, default, ingest, infer, train or beat."""
        return eventually(lambda: recorded_process(self.home, child), seconds=60, what=f"{child} running")

    def kill(self, child: str) -> datetime:
        """`kill -9` a child and everything below it, as a machine that runs out of memory would.

        Returns when it was killed, after it was started again.
        """
        process = self.process(child)
        for victim in [process, *process.children(recursive=True)]:
            if victim.is_running():
                victim.kill()
        killed_at = datetime.now(UTC)
        eventually(lambda: self.process(child).pid != process.pid, seconds=120, what=f"{child} started again")
        return killed_at


def first_pages(address: str) -> dict[str, requests.Response]:
    """The page of an empty installation, there until it has somebody: as it opens, and with a form that is refused."""
    browser = requests.Session()
    opened = browser.get(f"{address}/setup/", timeout=60)
    form = {"csrfmiddlewaretoken": browser.cookies["mediqa_csrf"], "username": "a b", "password": "1"}
    refused = browser.post(f"{address}/setup/", data=form, headers={"Referer": f"{address}/setup/"}, timeout=60)
    return {"opened": opened, "refused": refused}


class Clerk:
    """The process that runs management commands for a product: clerk.py."""

    def __init__(self, home: Path) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.clerk"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env=inherited | {"MEDIQA_HOME": str(home), "PYTHONPATH": str(SOURCE_ROOT)},
        )

    def ask(self, words: Sequence[str]) -> tuple[int, str]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        code, output = json.loads(self.process.stdout.readline())
        return code, output

    def leave(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=60)


class Api:
    """The API as a script uses it, with a token."""

    def __init__(self, address: str, token: str) -> None:
        self.base = f"{address}/api/v1"
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Token {token}"

    def get(self, path: str, **parameters: str) -> Any:
        answer = self.session.get(f"{self.base}/{path}", params=parameters, timeout=60)
        assert answer.ok, answer.text
        return answer.json()

    def post(self, path: str, body: object = None, files: Sequence[tuple[str, Any]] | None = None) -> Any:
        answer = self.session.post(f"{self.base}/{path}", json=body, files=files, timeout=120)
        assert answer.ok, answer.text
        return answer.json()

    def job(self, path: str, *, seconds: float = 300) -> Any:
        """Wait for a Job's end."""

        def ended() -> Any:
            try:
                job = self.get(path)
            except (requests.ConnectionError, AssertionError):
                return None  # a test has just killed what would answer
            return job if job["state"] in ("succeeded", "failed", "cancelled") else None

        return eventually(ended, seconds=seconds, what=f"the end of {path}")

    def ingest(self, project: str, files: Sequence[Path]) -> Any:
        """Upload and start; returns the Job as it stands."""
        job = self.post(f"projects/{project}/ingests/")
        for first in range(0, len(files), FILES_A_REQUEST):
            parts = [("files", (path.name, path.read_bytes())) for path in files[first : first + FILES_A_REQUEST]]
            self.post(f"ingests/{job['id']}/files/", files=parts)
        return self.post(f"ingests/{job['id']}/start/")


def submission(case: Any, score: float) -> dict[str, Any]:
    """What the reading page sends."""
    return {
        "client_key": str(uuid.uuid4()),
        "rubric_id": case["rubric"]["id"],
        "scores": {criterion["key"]: score for criterion in case["rubric"]["criteria"]},
        "active_seconds": 5,
        "wall_seconds": 6,
    }


def readings_of(product: Product, assignment: str) -> int:
    return int(product.value("SELECT count(*) FROM annotations_reading WHERE assignment_id = %s", assignment))
