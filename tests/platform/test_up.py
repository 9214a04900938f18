"""`up` as its user starts it: real processes, a data folder with spaces in its path, no mocks."""

import re
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError

import psycopg
import pytest
from psycopg import sql

from mediqa_platform.supervisor.leftovers import clear_leftovers
from mediqa_platform.supervisor.postgres import EmbeddedPostgres
from mediqa_platform.supervisor.records import is_alive, recorded_process
from mediqa_platform.supervisor.valkey import EmbeddedValkey
from tests.platform.deadlines import eventually
from tests.platform.ordinary import folder_of_ordinary_user, ordinary_account
from tests.platform.processes_of import processes_of
from tests.platform.running import Running

pytestmark = pytest.mark.stack

START_SECONDS = 120  # generous: other tests may use the machine
CHILDREN = ("postgres", "valkey", "web", "default", "ingest", "infer", "train", "beat")


class Installation:
    """One data folder and the `up` that was last started on it."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "data folder"
        self.folder = folder
        self.runs: list[Running] = []

    def up(self, *options: str, **environment: str) -> Running:
        """Start `up` on this data folder."""
        output = self.folder / f"output {len(self.runs)}"
        self.runs.append(
            Running(
                ["-m", "mediqa_platform", "up", "--no-build", "--workers", "1", *options],
                output,
                {"MEDIQA_HOME": str(self.home), **environment},
            )
        )
        return self.runs[-1]

    def remove(self) -> None:
        """Leave no process behind, whatever a test did."""
        for run in self.runs:
            run.end(signal.SIGKILL)
        clear_leftovers(self.home, but_services=())
        for service in (EmbeddedValkey(self.home), EmbeddedPostgres(self.home)):
            service.stop()


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = Installation(tmp_path_factory.mktemp("with spaces"))
    yield installation
    installation.remove()


@pytest.fixture(scope="module")
def up(installation: Installation) -> Running:
    """The product, running; a test that ends it starts it again."""
    running = installation.up()
    address_of(running)
    return running


def address_of(running: Running) -> str:
    return running.wait_for(r"ready: (\S+)", seconds=START_SECONDS).group(1)


def status_of(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code
    except OSError:
        return 0


def refusal(running: Running) -> str:
    """The output of an `up` that must end with one sentence."""
    assert running.process.wait(timeout=START_SECONDS) == 2, running.text()
    assert "Traceback" not in running.text()
    return running.text().strip()


def test_product_answers_on_its_first_page(up):
    assert status_of(f"{address_of(up)}healthz") == 200
    assert status_of(address_of(up)) == 200


def test_every_part_of_the_product_runs(installation, up):
    def running() -> bool:
        return all(recorded_process(installation.home, name) for name in CHILDREN)

    eventually(running, seconds=60, what="all children")


def test_empty_installation_says_how_to_make_the_first_administrator(up):
    up.wait_for(r"no administrator yet: open http://\S+/setup/ or run `manage.py createsuperuser`")


def test_second_up_on_the_same_data_folder_is_refused(installation, up):
    sentence = refusal(installation.up())
    assert sentence.startswith(f"MEDIQA_HOME: {installation.home} is in use by process {up.process.pid}")


def test_web_server_that_is_killed_comes_back(installation, up):
    before = recorded_process(installation.home, "web")
    before.kill()
    up.wait_for("web was ended by SIGKILL; starting web again")
    assert eventually(lambda: status_of(f"{address_of(up)}healthz") == 200)
    assert recorded_process(installation.home, "web") != before


def test_database_that_is_killed_comes_back(installation, up):
    recorded_process(installation.home, "postgres").kill()
    up.wait_for("postgres was ended by SIGKILL; starting postgres again")
    eventually(EmbeddedPostgres(installation.home).is_ready, what="the database")


def test_worker_that_is_killed_takes_its_pool_along_and_comes_back(installation, up):
    worker = eventually(lambda: recorded_process(installation.home, "infer"), what="the worker")
    pool = eventually(worker.children, what="the worker's pool")
    worker.kill()
    eventually(lambda: not any(map(is_alive, pool)), seconds=10, what="the end of the pool")
    up.wait_for("infer was ended by SIGKILL; starting infer again")
    eventually(lambda: recorded_process(installation.home, "infer"), what="the next worker")


def test_ordinary_user_runs_a_second_installation_beside_the_first(up, tmp_path):
    home = folder_of_ordinary_user(tmp_path) / "home"
    environment = {"MEDIQA_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    arguments = ["-m", "mediqa_platform", "up", "--no-build", "--workers", "1"]
    second = Running(arguments, tmp_path / "output", environment, ordinary_account())
    try:
        address = address_of(second)
        assert status_of(f"{address}healthz") == 200
        assert address != address_of(up)
        assert 0 not in {process.uids().effective for process in processes_of(home)}
    finally:
        code = second.end()
    assert code == 0, second.text()
    assert processes_of(home) == []


def test_killed_up_leaves_nothing_and_the_next_one_starts_and_stops_in_order(installation, up):
    up.end(signal.SIGKILL)
    eventually(lambda: processes_of(installation.home) == [], what="the end of all processes")
    again = installation.up()
    assert status_of(f"{address_of(again)}healthz") == 200
    again.wait_for("no administrator")
    assert again.end(signal.SIGTERM) == 0, again.text()
    assert processes_of(installation.home) == []
    stops = re.findall(r"\| stopping (\w+)", again.text())
    assert [name for name in stops if name in CHILDREN] == ["web", "beat", "default", "valkey", "postgres"]


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"DATABASE_URL": "mysql://host/mediqa"}, "DATABASE_URL must begin with postgresql://"),
        ({"DATABASE_URL": "postgresql://mediqa@127.0.0.1:9/mediqa"}, "DATABASE_URL: .*[Cc]onnection refused"),
        ({"BROKER_URL": "redis://127.0.0.1:9/0"}, "BROKER_URL: .*refused"),
        ({"MEDIQA_STORAGE": "/proc/mediqa"}, "MEDIQA_STORAGE: .*/proc/mediqa"),
        ({"MEDIQA_HOME": "/proc/mediqa"}, "MEDIQA_HOME: /proc/mediqa cannot be used"),
        ({"MEDIQA_HOME": "/etc/passwd"}, "MEDIQA_HOME: /etc/passwd cannot be used"),
        ({"MEDIQA_TIME_ZONE": "Mars/X"}, "MEDIQA_TIME_ZONE must be"),
        ({"MEDIQA_HTTPS": "maybe"}, "MEDIQA_HTTPS must be"),
        ({"MEDIQA_TRUSTED_ORIGINS": "foo"}, "MEDIQA_TRUSTED_ORIGINS must hold"),
    ],
)
def test_wrong_setting_ends_in_a_sentence_that_names_it(tmp_path, environment, sentence):
    installation = Installation(tmp_path)
    assert re.search(sentence, refusal(installation.up(**environment)))
    assert processes_of(installation.home) == []


def test_wrong_database_password_ends_in_a_sentence(tmp_path):
    with EmbeddedPostgres(tmp_path / "other") as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(sql.SQL("ALTER ROLE mediqa PASSWORD {}").format("right"))
        rules = server.data_folder / "pg_hba.conf"
        rules.write_text("local all postgres trust\nlocal all all scram-sha-256\n")
        server.process().send_signal(signal.SIGHUP)
        mistaken = server.url.replace("mediqa@", "mediqa:mistaken@")
        eventually(lambda: refuses(mistaken), what="the new rules")
        sentence = refusal(Installation(tmp_path).up(DATABASE_URL=mistaken))
    assert re.search("DATABASE_URL: .*password authentication failed", sentence)
    assert "mistaken" not in sentence


def refuses(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return True
    return False
