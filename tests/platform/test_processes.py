import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from mediqa_platform.supervisor.home import prepare_home
from mediqa_platform.supervisor.leftovers import clear_leftovers
from mediqa_platform.supervisor.processes import Backoff
from mediqa_platform.supervisor.records import record_process, recorded_process
from tests.platform import supervise
from tests.platform.deadlines import eventually
from tests.platform.processes_of import processes_of
from tests.platform.running import Running

Start = Callable[..., Running]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "the home"


@pytest.fixture
def start(home: Path, tmp_path: Path) -> Iterator[Start]:
    """`start("a=steady", ...)` runs a supervisor with these children."""
    started: list[Running] = []

    def run(*children: str) -> Running:
        output = tmp_path / f"output {len(started)}"
        started.append(Running([supervise.__file__, str(home), *children], output))
        return started[-1]

    yield run
    for running in started:
        running.end(signal.SIGKILL)
    eventually(lambda: clear_leftovers(home, but_services=()) == 0, what="the end of all children")


def test_backoff_doubles_up_to_its_limit():
    backoff = Backoff(first_seconds=0.5, longest_seconds=30)
    assert [backoff.delay(failures) for failures in (1, 2, 3, 7, 50)] == [0.5, 1, 2, 30, 30]


def test_lines_carry_time_and_name_and_no_colour_off_a_terminal(start):
    line = start("reader=steady").wait_for(r".*reader.*running").group()
    assert re.fullmatch(r"\d\d:\d\d:\d\d reader   \| running", line)


def test_child_that_dies_is_started_again(start, home):
    running = start("web=steady", "beat=steady")
    running.wait_for(r"beat +\| running")
    running.wait_for(r"web +\| running")
    recorded_process(home, "web").kill()
    running.wait_for(r"web was ended by SIGKILL; starting web again in 0\.1 s")
    eventually(lambda: running.count(r"web +\| running") == 2, what="the second web")
    assert running.count(r"beat +\| running") == 1


def test_child_that_keeps_failing_is_started_ever_later(start):
    running = start("web=failing")
    running.wait_for("web ended with exit code 3; starting web again in 0.4 s")
    delays = re.findall(r"again in ([\d.]+) s", running.text())
    assert delays[:3] == ["0.1", "0.2", "0.4"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_goes_in_order_and_leaves_no_process(start, home, number):
    running = start("web=steady", "worker=steady", "database=steady")
    for name in ("web", "worker", "database"):
        running.wait_for(rf"{name} +\| running")
    assert running.end(number) == 0
    stopped = re.findall(r"(\w+) +\| asked to stop", running.text())
    assert stopped == ["web", "worker", "database"]
    assert processes_of(home) == []


def test_child_that_does_not_stop_is_killed(start, home):
    running = start("worker=stubborn")
    running.wait_for(r"worker +\| running")
    assert running.end() == 0
    assert "worker does not stop; killing it" in running.text()
    assert processes_of(home) == []


def test_second_request_to_stop_shortens_the_wait(start, home):
    running = start("worker=patient")
    running.wait_for(r"worker +\| running")
    running.process.send_signal(signal.SIGINT)
    running.wait_for("stopping worker")
    assert running.end(signal.SIGINT) == 0
    assert processes_of(home) == []


def test_stop_takes_grandchildren_along(start, home):
    running = start("worker=parent")
    running.wait_for(r"grandchild \d+")
    assert running.end() == 0
    assert processes_of(home) == []


def test_killed_supervisor_takes_its_children_along(start, home):
    running = start("web=steady", "worker=stubborn")
    for name in ("web", "worker"):
        running.wait_for(rf"{name} +\| running")
    running.end(signal.SIGKILL)
    eventually(lambda: processes_of(home) == [], what="the end of the children")


def test_next_start_ends_what_escaped_a_killed_supervisor(start, home):
    running = start("worker=escaping")
    running.wait_for("escaped")
    running.end(signal.SIGKILL)
    assert eventually(lambda: processes_of(home))
    again = start()
    assert int(again.wait_for(r"leftovers (\d+)").group(1)) >= 1
    assert processes_of(home) == []


def test_second_supervisor_of_the_same_home_is_refused(start):
    first = start("web=steady")
    first.wait_for("running")
    second = start("web=steady")
    assert second.process.wait(timeout=30) != 0
    assert "is in use" in second.text()


def test_process_that_is_not_ours_is_left_alone(tmp_path):
    """A recorded id that now belongs to somebody else's process: the record alone proves nothing."""
    home = prepare_home(tmp_path / "home")
    with psutil.Popen([sys.executable, "-c", supervise.STEADY], env={"MEDIQA_HOME": "/another/home"}) as stranger:
        record_process(home, "web", stranger.pid)
        assert clear_leftovers(home, but_services=()) == 0
        assert stranger.is_running()
        stranger.kill()
