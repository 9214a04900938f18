"""How long a new user waits. Run with: pytest -m benchmark -s tests/benchmarks

The floor is what no product on this stack can do without: one interpreter that imports Django and the application.
"""

import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from mediqa_platform.supervisor.frontend import SOURCE_ROOT
from tests.platform.deadlines import eventually
from tests.platform.running import Running

pytestmark = pytest.mark.benchmark

TARGETS = {"first page": 15.0, "first batch in the worklist": 120.0}
IMPORT = (
    "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'mediqa_platform.settings.test'; import django; django.setup()"
)


def seconds_of_floor() -> float:
    begun = time.monotonic()
    subprocess.run([sys.executable, "-c", IMPORT], cwd=SOURCE_ROOT, check=True)
    return time.monotonic() - begun


def test_time_to_first_page_and_first_batch(tmp_path: Path) -> None:
    floor = seconds_of_floor()
    begun = time.monotonic()
    running = Running(
        ["-m", "mediqa_platform", "up", "--demo"], tmp_path / "output", {"MEDIQA_HOME": str(tmp_path / "home")}
    )
    try:
        address = running.wait_for(r"ready: (\S+)", seconds=300).group(1)
        eventually(lambda: urllib.request.urlopen(address, timeout=30).status == 200, seconds=60)
        measured = {"first page": time.monotonic() - begun}
        running.wait_for("for the first batch", seconds=600)
        measured["first batch in the worklist"] = time.monotonic() - begun
    finally:
        running.end(seconds=120)
    print(f"\n{'':30} {'s':>7} {'target':>7} {'x floor':>8}")
    print(f"{'floor: import the application':30} {floor:7.1f} {'':>7} {1:8.1f}")
    for name, seconds in measured.items():
        print(f"{name:30} {seconds:7.1f} {TARGETS[name]:7.0f} {seconds / floor:8.1f}")
