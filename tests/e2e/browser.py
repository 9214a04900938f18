"""A browser for the tests: an installed Chromium, else Playwright's, else one from the system's package manager."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright

FIREFOX = ("firefox", "firefox-esr")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# No sandbox: containers seldom let Chromium make one. The rest keeps it from calling home, and from painting whole
# pages by an emulated graphics card: that is there for the images.
OPTIONS = [
    *("--no-sandbox", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--force-device-scale-factor=1"),
    *("--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    *("--disable-gpu-compositing", "--disable-gpu-rasterization"),
]
INSTALL_LOCK = Path(tempfile.gettempdir()) / f"mediqa-test-browser-{os.getuid()}.lock"
WHAT_TO_DO = (
    "The browser tests need Chromium, and none could be had. Install one (Debian and Ubuntu: "
    "`apt-get install chromium`; elsewhere `python -m playwright install --with-deps chromium`) and run pytest again."
)


def find_browser() -> str:
    """Path of a Chromium, installed on the way if need be.

    Raises:
        RuntimeError: none could be had; says what to do.
    """
    with open(INSTALL_LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of test processes side by side, one installs
        for candidate in _candidates():
            if candidate is not None and Path(candidate).exists():
                return candidate
    raise RuntimeError(WHAT_TO_DO)


def find_firefox() -> str | None:
    return next((found for name in FIREFOX if (found := shutil.which(name))), None)


def has_firefox() -> bool:
    """Firefox, and a screen for it to draw on by WebGL."""
    return find_firefox() is not None and shutil.which("Xvfb") is not None


def _candidates() -> Iterator[str | None]:
    yield os.environ.get("MEDIQA_TEST_BROWSER")
    yield _on_path()
    yield _of_playwright()
    if _ran(sys.executable, "-m", "playwright", "install", "chromium"):
        yield _of_playwright()
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _ran("apt-get", "update", "-qq")
        _ran("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium")
        yield _on_path()


def _on_path() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def _of_playwright() -> str:
    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def _ran(*command: str) -> bool:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=600, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
