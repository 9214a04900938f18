"""A supervisor of small children, run as a program by the tests: supervise.py HOME CHILD..."""

import signal
import sys
from pathlib import Path

from mediqa_platform.supervisor.child import ChildSpec
from mediqa_platform.supervisor.home import prepare_home
from mediqa_platform.supervisor.leftovers import clear_leftovers, exclusive_home, new_run
from mediqa_platform.supervisor.logs import LogStream
from mediqa_platform.supervisor.processes import Backoff, StopRequested, Supervisor

STEADY = """
import signal, sys, threading
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
print("running", flush=True)
while not stop.wait(0.05):
    pass
print("asked to stop", flush=True)
"""
STUBBORN = STEADY.replace("stop.set()", "print('no', flush=True)")
FAILING = "import sys; print('failing', flush=True); sys.exit(3)"
PARENT = f"""
import subprocess, sys
grandchild = subprocess.Popen([sys.executable, "-c", {STEADY!r}])
print("grandchild", grandchild.pid, flush=True)
grandchild.wait()
"""
# Leaves our group and lets go of its parent: only its environment tells whose it is.
ESCAPING = f"""
import subprocess, sys
subprocess.Popen([sys.executable, "-c", {STEADY!r}], start_new_session=True, stdout=subprocess.DEVNULL)
print("escaped", flush=True)
"""
PROGRAMS = {
    "steady": STEADY,
    "stubborn": STUBBORN,
    "patient": STUBBORN,
    "failing": FAILING,
    "parent": PARENT,
    "escaping": ESCAPING,
}
STOP_SECONDS = {"patient": 600.0}


def child(home: Path, token: str, argument: str, rank: int) -> ChildSpec:
    """`NAME=PROGRAM` as a child of its own stop rank."""
    name, _, program = argument.partition("=")
    return ChildSpec(
        name=name,
        command=(sys.executable, "-c", PROGRAMS[program]),
        environment={"MEDIQA_HOME": str(home), "MEDIQA_RUN": token},
        stop_rank=rank,
        stop_signal=signal.SIGTERM,
        stop_seconds=STOP_SECONDS.get(program, 1.0),
    )


def main() -> None:
    """Run the children until asked to stop."""
    home = prepare_home(Path(sys.argv[1]))
    log = LogStream()
    supervisor = Supervisor(home, log, Backoff(first_seconds=0.1, longest_seconds=0.4))
    with exclusive_home(home), supervisor.signals():
        log.say(f"leftovers {clear_leftovers(home, but_services=())}")
        token = new_run(home)
        try:
            for rank, argument in enumerate(sys.argv[2:]):
                supervisor.start(child(home, token, argument, rank))
            supervisor.run_forever()
        except StopRequested:
            log.say("stop requested")
        finally:
            supervisor.stop()
        log.say("stopped")


if __name__ == "__main__":
    main()
