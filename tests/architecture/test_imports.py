"""The import rules of docs/architecture.md, and what they are for: who loads what."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.api import read_configuration
from importlinter.application.use_cases import lint_imports

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("mediqa_platform", "annotations", "inference")
# The one import inside a function that the design names: a worker loads torch in its child, when work has come.
LAZY_IMPORTS = {("inference/tasks.py", "inference.engine")}


def test_import_contracts_hold() -> None:
    assert read_configuration(str(ROOT / "pyproject.toml"))["contracts_options"]
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml")), "run `lint-imports` to see which"


def loaded_after(statement: str, *names: str) -> set[str]:
    """Which of the modules a fresh interpreter has loaded after the statement."""
    code = f"{statement}\nimport sys\nprint(*(name for name in {names!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    return set(done.stdout.split())


SET_UP = (
    "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'mediqa_platform.settings.test'; import django; django.setup(); "
)


def test_mediqa_alone_leaves_django_unloaded() -> None:
    assert loaded_after("from inference.mediqa import Predictor", "django", "torch") == {"torch"}


def test_dicom_alone_leaves_django_and_torch_unloaded() -> None:
    statement = "import annotations.dicom.frames, annotations.dicom.geometry, annotations.dicom.loading"
    assert loaded_after(statement, "django", "torch") == set()


@pytest.mark.parametrize("module", ["mediqa_platform.urls", "inference.tasks", "annotations.tasks", "inference.admin"])
def test_web_beat_and_default_worker_leave_torch_unloaded(module: str) -> None:
    assert loaded_after(SET_UP + f"import {module}", "django", "torch") == {"django"}


def test_web_leaves_what_only_training_needs_unloaded() -> None:
    assert loaded_after(SET_UP + "import mediqa_platform.urls", "scipy.stats", "inference.services.training") == set()


def python_files() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def imports_in_functions(path: Path) -> set[tuple[str, str]]:
    tree = ast.parse(path.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    inner = [node for function in functions for node in ast.walk(function)]
    names = {node.module or "" for node in inner if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in inner if isinstance(node, ast.Import) for alias in node.names}
    return {(str(path.relative_to(ROOT)), name) for name in names}


def test_no_imports_inside_functions_but_the_one_that_the_design_names() -> None:
    found = {entry for path in python_files() for entry in imports_in_functions(path)}
    assert {(place, module) for place, module in found if (place, module) not in LAZY_IMPORTS} == set()


def test_files_and_functions_stay_short() -> None:
    for path in python_files():
        if "migrations" in path.parts:
            continue
        text = path.read_text()
        assert len(text.splitlines()) <= 400, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert (node.end_lineno or 0) - node.lineno < 60, f"{path}: {node.name}"


def test_nothing_committed_names_a_machine_or_a_registry() -> None:
    words = ("/work/" + "main", "/root" + "/", "registry.npmjs" + ".org", "files.pythonhosted" + ".org")
    tracked = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    for name in filter(None, tracked.split("\0")):
        path = ROOT / name
        if path.is_file() and path.suffix in {".py", ".toml", ".json", ".ts", ".yaml", ".yml", ".md", ".html"}:
            text = path.read_text(errors="replace")
            assert not [word for word in words if word in text], name
