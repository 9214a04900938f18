"""The whole product on one machine, from an empty data folder to a running loop, and back to nothing."""

import http.client
import os
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection

from mediqa_platform.supervisor import checks, frontend
from mediqa_platform.supervisor.child import Child, ChildSpec
from mediqa_platform.supervisor.embedded import EmbeddedService
from mediqa_platform.supervisor.errors import SupervisorError
from mediqa_platform.supervisor.home import prepare_home, remove_empty_sockets_folder
from mediqa_platform.supervisor.leftovers import clear_leftovers, exclusive_home, new_run, publish
from mediqa_platform.supervisor.logs import LogStream
from mediqa_platform.supervisor.plan import BUILD_NICENESS, Plan
from mediqa_platform.supervisor.postgres import EmbeddedPostgres
from mediqa_platform.supervisor.processes import StopRequested, Supervisor
from mediqa_platform.supervisor.valkey import EmbeddedValkey

DEFAULT_PORT = 8000
LOOPBACK = ("127.0.0.1", "localhost", "::1")
ANY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - compared with, never bound by itself
PROBE_SECONDS = 2.0
# Without the system checks, which import every page's code: the web server does that anyway.
COLLECT = ("collectstatic", "--noinput", "--verbosity", "0", "--skip-checks")
MIGRATE = ("migrate", "--noinput", "--verbosity", "0", "--skip-checks")


@dataclass(frozen=True)
class Options:
    """What the command line asked for."""

    is_demo: bool = False
    host: str = "127.0.0.1"
    port: int | None = None
    web_workers: int = 2
    is_verbose: bool = False
    builds_frontend: bool = True


class Product:
    """Starts everything that the settings do not find elsewhere, keeps it running, and stops it in order."""

    def __init__(self, home: Path, options: Options, log: LogStream) -> None:
        self.home = home
        self.options = options
        self.log = log
        self.supervisor = Supervisor(home, log)
        self.checkout = frontend.Checkout()
        self._web: Child | None = None

    def run(self) -> None:
        """Run until asked to stop.

        Raises:
            SupervisorError: it cannot start; the sentence names the setting or the step that is wrong.
        """
        prepare_home(self.home)
        with exclusive_home(self.home), self._listener() as listener, self.supervisor.signals():
            publish(self.home, address=self._address(listener))
            try:
                self._start(listener)
                self.supervisor.run_forever()
            except StopRequested:
                self.log.say("stopping; press Ctrl-C again to hurry")
            finally:
                self.supervisor.stop()
                remove_empty_sockets_folder(self.home)
        self.log.say("stopped")

    def _listener(self) -> socket.socket:
        return checks.listen(self.options.host, self.options.port, default_port=DEFAULT_PORT)

    def _start(self, listener: socket.socket) -> None:
        services = self._services()
        self._tidy(services)
        self._check_settings(services)
        plan = self._plan(services, listener)
        self.log.say(f"data folder {self.home}")
        static = self.supervisor.start(plan.manage(*COLLECT))
        for service in services:
            self._start_service(plan, service)
        self._require(self.supervisor.run(plan.manage(*MIGRATE)))
        self.supervisor.wait_for(lambda: static.exit_code is not None)
        self._require(static)
        self._open(plan, listener)
        for spec in (*plan.workers(), plan.beat()):
            self.supervisor.start(spec)
        self._build_frontend(plan)
        self._first_steps(plan, self._address(listener))

    def _services(self) -> list[EmbeddedService]:
        services: list[EmbeddedService] = []
        if not os.environ.get("DATABASE_URL"):
            services.append(EmbeddedPostgres(self.home))
        if not os.environ.get("BROKER_URL"):
            services.append(EmbeddedValkey(self.home))
        return services

    def _tidy(self, services: Sequence[EmbeddedService]) -> None:
        """End what an `up` that was killed left behind."""
        count = clear_leftovers(self.home, but_services=[service.name for service in services])
        for service in services:
            if service.is_running():
                service.stop()
                count += 1
        if count:
            self.log.say(f"ended {count} processes that an earlier run left behind")

    def _check_settings(self, services: Sequence[EmbeddedService]) -> None:
        embedded = {service.name for service in services}
        if "postgres" not in embedded:
            checks.check_database()
        if "valkey" not in embedded:
            checks.check_broker(settings.CELERY_BROKER_URL)
        checks.check_storage()

    def _plan(self, services: Sequence[EmbeddedService], listener: socket.socket) -> Plan:
        urls = {service.name: service.url for service in services}
        return Plan(
            home=self.home,
            run_token=new_run(self.home),
            database_url=urls.get("postgres") or os.environ["DATABASE_URL"],
            broker_url=urls.get("valkey") or os.environ["BROKER_URL"],
            is_verbose=self.options.is_verbose,
            extra=self._allowed_hosts(),
        )

    def _allowed_hosts(self) -> dict[str, str]:
        host = self.options.host
        if os.environ.get("MEDIQA_ALLOWED_HOSTS") or host in LOOPBACK:
            return {}
        if host in ANY_ADDRESS:
            self.log.say("set MEDIQA_ALLOWED_HOSTS to the names under which this machine is reached")
            return {}
        return {"MEDIQA_ALLOWED_HOSTS": ",".join(["localhost", "127.0.0.1", "[::1]", host])}

    def _start_service(self, plan: Plan, service: EmbeddedService) -> None:
        self.log.say(f"starting {service.name}")
        service.prepare()
        child = self.supervisor.start(plan.service(service))
        self.supervisor.wait_until_ready(child, service.is_ready)
        service.finish()

    def _open(self, plan: Plan, listener: socket.socket) -> None:
        spec = plan.web(listener.fileno(), workers=self.options.web_workers)
        self._web = self.supervisor.start(spec)
        port = listener.getsockname()[1]
        self.supervisor.wait_until_ready(self._web, lambda: _answers(self.options.host, port))
        self.log.say(f"ready: {self._address(listener)}")

    def _build_frontend(self, plan: Plan) -> None:
        """Build the front-end of a checkout in the background; pages are served meanwhile."""
        if not self.options.builds_frontend or not frontend.needs_build(self.checkout):
            return
        frontend.note_state(self.home, "building", "The front-end is being built; this takes about a minute.")
        self.log.say("the front-end is being built in the background")
        spec = plan.manage("build_frontend", name="frontend", niceness=BUILD_NICENESS)
        self._then(spec, lambda code: self._frontend_built(plan, code))

    def _frontend_built(self, plan: Plan, code: int) -> None:
        if code != 0:
            sentence = "The front-end could not be built; the log of `manage.py up` says why."
            frontend.note_state(self.home, "failed", sentence)
            self.log.say(f"{sentence} All but the reading room and the charts works.")
            return
        frontend.note_state(self.home, "ready")
        self._then(plan.manage(*COLLECT), self._reload_web)

    def _reload_web(self, code: int) -> None:
        if code == 0 and self._web is not None:
            self._web.signal(signal.SIGHUP)
            self.log.say("the front-end is ready: reload the page")

    def _first_steps(self, plan: Plan, address: str) -> None:
        if self.options.is_demo:
            seeding = plan.manage("seed_demo", "--address", address, name="demo")
            self._then(seeding, lambda code: self._demo_seeded(code, address))
        elif not _has_administrator():
            self.log.say(f"no administrator yet: open {address}setup/ or run `manage.py createsuperuser`")

    def _demo_seeded(self, code: int, address: str) -> None:
        if code == 0:
            self.log.say(f"the demo is ready: {address}")
        else:
            self.log.say(f"the demo could not be set up (exit code {code}); see the lines above")

    def _then(self, spec: ChildSpec, follow: Callable[[int], None]) -> None:
        """Run a one-shot beside everything else, and go on from there when it ends."""
        self.supervisor.start(replace(spec, on_exit=follow))

    def _require(self, child: Child) -> None:
        if child.exit_code != 0:
            raise SupervisorError(f"`{child.spec.name}` failed; the lines above say why.")

    def _address(self, listener: socket.socket) -> str:
        host = "localhost" if self.options.host in ANY_ADDRESS else self.options.host
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{listener.getsockname()[1]}/"


def _answers(host: str, port: int) -> bool:
    """Whether the web server answers; a refusal of the host name is an answer too."""
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    probe = http.client.HTTPConnection(target, port, timeout=PROBE_SECONDS)
    try:
        probe.request("GET", "/healthz", headers={"Host": "localhost"})
        return probe.getresponse().status < http.client.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        probe.close()


def _has_administrator() -> bool:
    try:
        return get_user_model().objects.filter(is_superuser=True, is_active=True).exists()
    except DatabaseError:
        return True
    finally:
        connection.close()
