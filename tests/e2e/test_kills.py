"""`kill -9` in the middle of everything: nothing is lost, nothing is doubled, and it goes on by itself.

One victim for each piece of work. The database says that the work was under way right before the kill, and that it
ended after it.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.e2e.generated import new_radiographs, new_stacks
from tests.e2e.product import Api, Product, submission
from tests.platform.deadlines import eventually

pytestmark = pytest.mark.stack

PROJECT = "(SELECT id FROM annotations_project WHERE slug = %s)"
INSTANCES = "SELECT count(*) FROM annotations_projectinstance WHERE project_id = " + PROJECT
IMAGES = "SELECT count(*) FROM annotations_projectimage WHERE project_id = " + PROJECT
PREDICTIONS = "SELECT count(*) FROM inference_prediction WHERE project_id = " + PROJECT
DOUBLED = "SELECT image_id FROM inference_prediction WHERE project_id = " + PROJECT + " GROUP BY 1 HAVING count(*) > 1"
VERSIONS = "SELECT count(*) FROM inference_modelversion WHERE project_id = " + PROJECT
UNDER_WAY = (
    "SELECT id, done, total FROM annotations_job WHERE kind = %s AND project_id = " + PROJECT + " AND phase = %s "
    "AND state = 'running' AND 0 < done AND done < total"
)
ENDED = "SELECT state, message, attempt, finished_at FROM annotations_job WHERE id = %s AND finished_at IS NOT NULL"
SCORES_BY = (
    "SELECT r.client_key::text, s.value FROM annotations_reading r JOIN annotations_score s ON s.reading_id = r.id "
    "JOIN annotations_user u ON u.id = r.reader_id WHERE u.username = %s"
)
ENDS_THE_ATTEMPT = {"ingest", "infer", "train", "postgres"}  # not the web, nor the broker: the work needs neither


def new_project(product: Product, slug: str, **policy: object) -> tuple[Api, Api]:
    """A Project with a manager and an ML engineer; returns their APIs."""
    product.add_project(slug, **policy)
    for role in ("manager", "ml_engineer"):
        product.add_person(f"{slug}-{role}", slug, role)
    return product.api(f"{slug}-manager"), product.api(f"{slug}-ml_engineer")


def kill_while_running(product: Product, victim: str, *, slug: str, kind: str, phase: str) -> None:
    """Kill it in the midst of a Job of that kind, and see the Job through to its good end."""
    product.process(victim)  # it is up: looking for it later does not take long
    under_way = eventually(lambda: product.rows(UNDER_WAY, kind, slug, phase), seconds=180, what=f"{kind} under way")
    killed_at = product.kill(victim)
    ((job, done, total),) = under_way
    ((state, message, attempt, finished_at),) = eventually(lambda: product.rows(ENDED, job), seconds=240, what="an end")
    assert state == "succeeded", message
    assert finished_at > killed_at, f"{kind} was over before {victim} was killed, at {done} of {total}"
    assert attempt >= (2 if victim in ENDS_THE_ATTEMPT else 1)


@pytest.mark.parametrize("victim", ["web", "valkey", "ingest", "postgres"])
def test_ingest_survives_the_death_of(victim: str, product: Product, tmp_path: Path) -> None:
    slug, files = f"ingest-{victim}", new_stacks(tmp_path, stacks=3, slices=50)
    manager, _ = new_project(product, slug)
    with product.slow_disk("annotations_instance", seconds=0.02):
        job = manager.ingest(slug, files)
        kill_while_running(product, victim, slug=slug, kind="ingest", phase="Reading files")
    assert product.value(INSTANCES, slug) == len(files)
    assert product.value(IMAGES, slug) == 3
    result = patiently(lambda: manager.get(f"jobs/{job['id']}/"))["result"]
    assert result["instances"] == {"new": len(files), "already_there": 0}
    assert result["images"] == {"new": 3, "already_there": 0}
    assert result["refused"] == 0


@pytest.mark.parametrize("victim", ["valkey", "infer", "postgres"])
def test_pre_scoring_survives_the_death_of(victim: str, product: Product, tmp_path: Path) -> None:
    slug, files = f"prescore-{victim}", new_radiographs(tmp_path, count=60)
    manager, _ = new_project(product, slug)
    with product.slow_disk("inference_prediction", seconds=0.05):
        manager.ingest(slug, files)
        kill_while_running(product, victim, slug=slug, kind="prescore", phase="Scoring images")
    eventually(lambda: product.value(PREDICTIONS, slug) >= len(files), seconds=120, what="all predictions")
    assert product.value(PREDICTIONS, slug) == product.value(IMAGES, slug) == len(files)
    assert product.rows(DOUBLED, slug) == []


@pytest.fixture(scope="module")
def scored(product: Product, image_files: list[Path]) -> str:
    """A Project whose Images production has scored."""
    manager, _ = new_project(product, "kills", overlap=1, batch_size=24)
    job = manager.ingest("kills", image_files)
    assert manager.job(f"jobs/{job['id']}/")["state"] == "succeeded"
    eventually(lambda: product.value(PREDICTIONS, "kills") == product.value(IMAGES, "kills"), seconds=240)
    return "kills"


def test_submissions_survive_the_death_of_everything(product: Product, scored: str) -> None:
    """Each reading is sent until it is acknowledged, while what stores them is killed under some of them."""
    product.add_person("steadfast", scored, "reader")
    reader, manager = product.api("steadfast"), product.api(f"{scored}-manager")
    manager.post(f"projects/{scored}/acquisition-batches/", {"size": 12})
    killed_at = {2: "web", 5: "postgres", 8: "valkey"}
    sent: list[dict[str, Any]] = []
    for number in range(12):
        cases = patiently(lambda: reader.post(f"projects/{scored}/worklist/", {"count": 1}))["cases"]
        path, body = f"assignments/{cases[0]['assignment']}/readings/", submission(cases[0], float(number % 5))
        sent.append(body)
        killer = threading.Thread(target=product.kill, args=[killed_at[number]]) if number in killed_at else None
        if killer is not None:
            killer.start()
        patiently(lambda path=path, body=body: reader.post(path, body))
        if killer is not None:
            killer.join(180)
    stored = dict(product.rows(SCORES_BY, "steadfast"))
    assert stored == {body["client_key"]: body["scores"]["overall"] for body in sent}
    assert len(product.rows(SCORES_BY, "steadfast")) == len(sent)


def patiently(ask: Callable[[], Any], *, seconds: float = 120) -> Any:
    """Ask again while the server that was just killed comes back."""

    def answered() -> Any:
        try:
            return ask()
        except (requests.RequestException, AssertionError):
            return None

    return eventually(answered, seconds=seconds, what="an answer")


@pytest.fixture(scope="module")
def read(product: Product, scored: str) -> str:
    """A Project with as many read Images as a fine-tuning needs."""
    product.add_person("diligent", scored, "reader")
    reader, manager = product.api("diligent"), product.api(f"{scored}-manager")
    manager.post(f"projects/{scored}/acquisition-batches/", {"size": 16})
    number = 0
    while cases := reader.post(f"projects/{scored}/worklist/", {"count": 1})["cases"]:
        number += 1
        reader.post(f"assignments/{cases[0]['assignment']}/readings/", submission(cases[0], float(number % 3)))
    return scored


@pytest.mark.parametrize("victim", ["train", "valkey", "postgres"])
def test_fine_tuning_survives_the_death_of(victim: str, product: Product, read: str) -> None:
    engineer, before = product.api(f"{read}-ml_engineer"), product.value(VERSIONS, read)
    patiently(lambda: engineer.post(f"projects/{read}/fine-tune-runs/", {"config": {"epochs": 40, "head": "token"}}))
    kill_while_running(product, victim, slug=read, kind="fine_tune", phase="Training")
    assert product.value(VERSIONS, read) == before + 1
