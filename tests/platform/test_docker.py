"""The container files, checked as far as no engine is needed: names, stages, queues, commands and settings agree."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from packaging.requirements import Requirement

DOCKER = Path(__file__).resolve().parents[2] / "docker"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OWN = {name: service for name, service in SERVICES.items() if "build" in service}


def stages() -> set[str]:
    return set(re.findall(r"^FROM \S+ AS (\w+)$", (DOCKER / "Dockerfile").read_text(), re.MULTILINE))


def option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


@pytest.mark.parametrize("name", OWN)
def test_service_is_built_from_a_stage_that_exists(name: str) -> None:
    assert OWN[name]["build"]["target"] in stages()


def test_every_queue_has_one_worker_and_models_only_where_torch_is() -> None:
    workers = {name: service for name, service in OWN.items() if "worker" in service.get("command", [])}
    queues = {option(service["command"], "--queues"): service for service in workers.values()}
    assert set(queues) == {queue.name for queue in settings.CELERY_TASK_QUEUES}
    assert {queue for queue, service in queues.items() if service["build"]["target"] == "worker"} == {"infer", "train"}
    assert option(queues["train"]["command"], "--max-tasks-per-child") == "1"


def test_settings_in_compose_are_settings_that_are_read() -> None:
    sources = [*Path(settings.BASE_DIR, "mediqa_platform").rglob("*.py")]
    text = "".join(path.read_text() for path in sources)
    given = set(COMPOSE["x-environment"])
    assert {name for name in given if f'"{name}"' not in text} == set()
    example = (DOCKER / "env.example").read_text()
    assert {name for name in given if name.startswith("MEDIQA") and f"{name}=" not in example} == set()


def test_gpu_overlay_names_services_that_exist() -> None:
    overlay = yaml.safe_load((DOCKER / "compose.gpu.yaml").read_text())
    assert set(overlay["services"]) <= set(SERVICES)


def test_web_image_carries_all_requirements_but_those_it_never_imports() -> None:
    script = str(DOCKER / "requirements_without.py")
    done = subprocess.run([sys.executable, script, "torch"], capture_output=True, text=True, check=True)
    names = {Requirement(line).name for line in done.stdout.splitlines()}
    assert {"django", "celery", "pydicom", "gunicorn"} <= names
    assert not {"torch", "pytest"} & names
