"""Start the installed wheel as a user would, with nothing on the PATH but its own scripts; look; stop; look again."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil

SECONDS = 120


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fetch(address: str, language: str = "en") -> str:
    request = urllib.request.Request(address, headers={"Accept-Language": language})  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
        return str(answer.read().decode("utf-8", "replace"))


def wait_for(address: str, product: "subprocess.Popen[bytes]") -> str:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if product.poll() is not None:
            sys.exit(f"`mediqa up` ended with {product.returncode}.")
        try:
            return fetch(address)
        except OSError:
            time.sleep(0.2)
    sys.exit(f"{address} did not answer within {SECONDS} s.")


def main(scripts: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="mediqa smoke ") as home:
        port = free_port()
        environment = {"PATH": str(scripts), "MEDIQA_HOME": home, "HOME": home}
        started = time.monotonic()
        product = subprocess.Popen(  # noqa: S603
            [str(scripts / "mediqa"), "up", "--port", str(port)], env=environment, cwd=home
        )
        base = f"http://127.0.0.1:{port}"
        page = wait_for(f"{base}/setup/", product)
        print(f"first page after {time.monotonic() - started:.1f} s")
        assert "first administrator" in page, page
        assert "Willkommen" in fetch(f"{base}/setup/", "de"), "the texts of other languages are in the wheel"
        for sheet in re.findall(r'href="(/static/[^"]+\.css)"', page):
            assert fetch(base + sheet), sheet
        assert "ready" in wait_for(f"{base}/readyz", product)
        children = psutil.Process(product.pid).children(recursive=True)
        product.send_signal(signal.SIGTERM)
        product.wait(SECONDS)
        left = [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
        assert not left, left
        assert product.returncode == 0, product.returncode
        print(f"stopped, {len(children)} processes gone")


if __name__ == "__main__":
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    main(Path(sys.argv[1]))
