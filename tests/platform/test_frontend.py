import hashlib
import json
import os
from pathlib import Path

import pytest

from mediqa_platform.supervisor import frontend
from mediqa_platform.supervisor.errors import BuildError
from mediqa_platform.supervisor.frontend import Checkout, build, bundle_state, needs_build
from mediqa_platform.supervisor.home import prepare_home

LOCK = {
    "name": "tiny",
    "version": "1.0.0",
    "lockfileVersion": 3,
    "requires": True,
    "packages": {"": {"name": "tiny", "version": "1.0.0"}},
}
BUILD_SCRIPT = """
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
const bundle = '../mediqa_platform/static/bundle';
mkdirSync(bundle, { recursive: true });
writeFileSync(`${bundle}/manifest.json`, JSON.stringify({ text: readFileSync('src/main.ts', 'utf8') }));
console.log(`built in no time by ${process.version}`);
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout with a tiny npm project that needs no packages."""
    sources = tmp_path / "check out" / "frontend"
    (sources / "src").mkdir(parents=True)
    (sources / "src" / "main.ts").write_text("first")
    (sources / "build.mjs").write_text(BUILD_SCRIPT)
    package = {"name": "tiny", "version": "1.0.0", "scripts": {"build": "node build.mjs"}}
    (sources / "package.json").write_text(json.dumps(package))
    (sources / "package-lock.json").write_text(json.dumps(LOCK))
    return Checkout(sources.parent)


@pytest.fixture
def no_node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A PATH with a shell and nothing else."""
    (tmp_path / "bin").mkdir()
    for name in ("sh", "env"):
        (tmp_path / "bin" / name).symlink_to(f"/usr/bin/{name}")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def built(checkout: Checkout) -> str:
    text = json.loads(checkout.manifest.read_text())["text"]
    return str(text)


def test_bundle_is_built_without_node_on_the_path(checkout, no_node):
    lines: list[str] = []
    build(checkout, say=lines.append)
    assert built(checkout) == "first"
    assert any(line.startswith("built in no time by v") for line in lines)


def test_bundle_is_built_again_only_when_its_sources_change(checkout, no_node):
    assert needs_build(checkout)
    build(checkout, say=print)
    assert not needs_build(checkout)
    os.utime(checkout.sources / "src" / "main.ts")
    assert not needs_build(checkout)
    (checkout.sources / "src" / "main.test.ts").write_text("a test changes no page")
    assert not needs_build(checkout)
    (checkout.sources / "src" / "main.ts").write_text("second")
    assert needs_build(checkout)
    build(checkout, say=print)
    assert built(checkout) == "second"


def test_failed_build_says_why_and_is_tried_again(checkout, no_node):
    (checkout.sources / "build.mjs").write_text("throw new Error('main.ts is nonsense')")
    with pytest.raises(BuildError, match="is nonsense"):
        build(checkout, say=print)
    assert needs_build(checkout)


def test_installed_wheel_never_builds(tmp_path):
    assert not needs_build(Checkout(tmp_path))


@pytest.mark.parametrize(
    ("version", "is_recent"),
    [((18, 20, 0), False), ((20, 18, 9), False), ((20, 19, 0), True), ((22, 11, 0), False), ((24, 1, 0), True)],
)
def test_node_versions_that_vite_accepts(version, is_recent):
    """engines of Vite 8: ^20.19.0 || >=22.12.0."""
    assert frontend.is_recent_enough(version) is is_recent


def test_page_learns_that_the_front_end_is_being_built(checkout, tmp_path):
    home = prepare_home(tmp_path / "home")
    assert bundle_state(home, checkout)[0] == "missing"
    frontend.note_state(home, "building", "a minute")
    assert bundle_state(home, checkout) == ("building", "a minute")
    frontend.note_state(home, "failed", "see the log")
    assert bundle_state(home, checkout) == ("failed", "see the log")


def test_digest_tells_names_and_contents_apart(checkout):
    first = frontend.sources_digest(checkout)
    (checkout.sources / "src" / "main.ts").rename(checkout.sources / "src" / "other.ts")
    assert frontend.sources_digest(checkout) != first
    assert len(first) == hashlib.sha256().digest_size * 2
