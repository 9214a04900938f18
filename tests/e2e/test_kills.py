"""`kill -9` in the middle of everything: nothing is lost, nothing is doubled, and it goes on by itself."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.e2e.product import Api, Product, submission
from tests.platform.deadlines import eventually

pytestmark = pytest.mark.stack

PROJECT = "(SELECT id FROM annotations_project WHERE slug = %s)"
INSTANCES = "SELECT count(*) FROM annotations_projectinstance WHERE project_id = " + PROJECT
IMAGES = "SELECT count(*) FROM annotations_projectimage WHERE project_id = " + PROJECT
JOB_BEGAN = "SELECT done FROM annotations_job WHERE id = %s AND state = 'running' AND done > 0"
DOUBLED = "SELECT image_id FROM inference_prediction WHERE project_id = " + PROJECT + " GROUP BY 1 HAVING count(*) > 1"
RUN = (
    "SELECT j.state, j.message, j.attempt FROM annotations_job j JOIN inference_finetunerun r ON r.job_id = j.id "
    "WHERE r.id = %s"
)
RUN_BEGAN = RUN + " AND j.state = 'running' AND j.done > 0"
SCORES_BY = (
    "SELECT r.client_key::text, s.value FROM annotations_reading r JOIN annotations_score s ON s.reading_id = r.id "
    "JOIN annotations_user u ON u.id = r.reader_id WHERE u.username = %s"
)
PREDICTIONS = "SELECT count(*) FROM inference_prediction WHERE project_id = " + PROJECT


def new_project(product: Product, slug: str, **policy: object) -> tuple[Api, Api]:
    """A Project with a manager and an ML engineer; returns their APIs."""
    product.add_project(slug, **policy)
    for role in ("manager", "ml_engineer"):
        product.add_person(f"{slug}-{role}", slug, role)
    return product.api(f"{slug}-manager"), product.api(f"{slug}-ml_engineer")


def patiently(ask: Callable[[], Any], *, seconds: float = 120) -> Any:
    """Ask again while the server that was just killed comes back."""

    def answered() -> Any:
        try:
            return ask()
        except (requests.RequestException, AssertionError):
            return None

    return eventually(answered, seconds=seconds, what="an answer")


def test_ingest_survives_the_death_of_everything(product: Product, image_files: list[Path]) -> None:
    manager, _ = new_project(product, "kill-ingest")
    job = manager.ingest("kill-ingest", image_files)
    eventually(lambda: product.rows(JOB_BEGAN, job["id"]), seconds=120, what="the ingest begun")
    kill_all(product, "web", "valkey", "ingest", "postgres")
    ended = manager.job(f"jobs/{job['id']}/")
    assert ended["state"] == "succeeded", ended
    again = manager.job(f"jobs/{manager.ingest('kill-ingest', image_files)['id']}/")
    assert again["result"]["instances"]["new"] == 0
    assert again["result"]["images"]["new"] == 0
    assert product.value(INSTANCES, "kill-ingest") == again["result"]["instances"]["already_there"]
    assert product.value(IMAGES, "kill-ingest") == again["result"]["images"]["already_there"]


def kill_all(product: Product, *victims: str) -> None:
    """One after the other, each as soon as the one before is back."""
    for victim in victims:
        product.kill(victim)


@pytest.fixture(scope="module")
def scored(product: Product, image_files: list[Path]) -> str:
    """A Project whose Images production has scored."""
    manager, _ = new_project(product, "kills", overlap=1, batch_size=24)
    job = manager.ingest("kills", image_files)
    assert manager.job(f"jobs/{job['id']}/")["state"] == "succeeded"
    eventually(lambda: product.value(PREDICTIONS, "kills") == product.value(IMAGES, "kills"), seconds=240)
    return "kills"


def test_pre_scoring_survives_the_death_of_everything(product: Product, image_files: list[Path]) -> None:
    manager, _ = new_project(product, "kill-prescore")
    job = manager.ingest("kill-prescore", image_files[40:])
    assert manager.job(f"jobs/{job['id']}/")["state"] == "succeeded"
    eventually(lambda: product.value(PREDICTIONS, "kill-prescore") > 0, seconds=180, what="the first prediction")
    kill_all(product, "valkey", "infer", "postgres")
    images = product.value(IMAGES, "kill-prescore")
    eventually(lambda: product.value(PREDICTIONS, "kill-prescore") == images, seconds=240, what="all predictions")
    assert product.rows(DOUBLED, "kill-prescore") == []


def test_submissions_survive_the_death_of_everything(product: Product, scored: str) -> None:
    """Each reading is sent until it is acknowledged, while what stores them is killed under them."""
    product.add_person("steadfast", scored, "reader")
    reader, manager = product.api("steadfast"), product.api(f"{scored}-manager")
    manager.post(f"projects/{scored}/acquisition-batches/", {"size": 12})
    half_way = threading.Event()
    killer = threading.Thread(target=lambda: (half_way.wait(120), kill_all(product, "web", "postgres", "valkey")))
    killer.start()
    sent: list[dict[str, Any]] = []
    for number in range(12):
        cases = patiently(lambda: reader.post(f"projects/{scored}/worklist/", {"count": 1}))["cases"]
        path, body = f"assignments/{cases[0]['assignment']}/readings/", submission(cases[0], float(number % 5))
        sent.append(body)
        if number == 2:
            half_way.set()
        patiently(lambda path=path, body=body: reader.post(path, body))
    killer.join(180)
    stored = dict(product.rows(SCORES_BY, "steadfast"))
    assert stored == {body["client_key"]: body["scores"]["overall"] for body in sent}


def test_fine_tuning_survives_the_death_of_everything(product: Product, scored: str) -> None:
    engineer = product.api("kills-ml_engineer")
    read_everything(product, scored)
    run = engineer.post(f"projects/{scored}/fine-tune-runs/", {"config": {"epochs": 400, "head": "token"}})
    eventually(lambda: product.rows(RUN_BEGAN, run["id"]), seconds=120, what="the training begun")
    kill_all(product, "train", "valkey", "postgres")
    final = ("succeeded", "failed", "cancelled")
    eventually(lambda: product.rows(RUN, run["id"])[0][0] in final, seconds=240, what="the run's end")
    state, message, attempt = product.rows(RUN, run["id"])[0]
    assert state == "succeeded", message
    assert attempt >= 2
    versions = "SELECT count(*) FROM inference_modelversion WHERE project_id = " + PROJECT
    assert product.value(versions, scored) == 2


def read_everything(product: Product, slug: str) -> None:
    product.add_person("diligent", slug, "reader")
    reader, manager = product.api("diligent"), product.api(f"{slug}-manager")
    manager.post(f"projects/{slug}/acquisition-batches/", {"size": 16})
    number = 0
    while cases := reader.post(f"projects/{slug}/worklist/", {"count": 1})["cases"]:
        number += 1
        reader.post(f"assignments/{cases[0]['assignment']}/readings/", submission(cases[0], float(number % 3)))
