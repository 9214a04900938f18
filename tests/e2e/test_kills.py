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


@pytest.mark.parametrize("victim", ["default", "postgres", "valkey"])
def test_ingest_survives(product: Product, image_files: list[Path], victim: str) -> None:
    slug = f"ingest-{victim}"
    manager, _ = new_project(product, slug)
    job = manager.ingest(slug, image_files[:60])
    eventually(lambda: product.rows(JOB_BEGAN, job["id"]), seconds=120, what="the ingest begun")
    product.kill(victim)
    ended = manager.job(f"jobs/{job['id']}/")
    assert ended["state"] == "succeeded", ended
    again = manager.job(f"jobs/{patiently(lambda: manager.ingest(slug, image_files[:60]))['id']}/")
    assert again["result"]["instances"]["new"] == 0
    assert again["result"]["images"]["new"] == 0
    assert product.value(INSTANCES, slug) == again["result"]["instances"]["already_there"]


@pytest.fixture(scope="module")
def scored(product: Product, image_files: list[Path]) -> str:
    """A Project whose Images production has scored."""
    manager, _ = new_project(product, "kills", overlap=1, batch_size=24)
    job = manager.ingest("kills", image_files)
    assert manager.job(f"jobs/{job['id']}/")["state"] == "succeeded"
    eventually(lambda: product.value(PREDICTIONS, "kills") == product.value(IMAGES, "kills"), seconds=240)
    return "kills"


@pytest.mark.parametrize("victim", ["infer", "postgres"])
def test_pre_scoring_survives(product: Product, image_files: list[Path], victim: str) -> None:
    slug = f"prescore-{victim}"
    manager, _ = new_project(product, slug)
    job = manager.ingest(slug, image_files[40:])
    assert manager.job(f"jobs/{job['id']}/")["state"] == "succeeded"
    eventually(lambda: product.value(PREDICTIONS, slug) > 0, seconds=180, what="the first prediction")
    product.kill(victim)
    images = product.value(IMAGES, slug)
    eventually(lambda: product.value(PREDICTIONS, slug) == images, seconds=240, what="all predictions")
    doubled = (
        "SELECT image_id FROM inference_prediction WHERE project_id = " + PROJECT + " GROUP BY 1 HAVING count(*) > 1"
    )
    assert product.rows(doubled, slug) == []


@pytest.mark.parametrize("victim", ["web", "postgres"])
def test_submission_survives(product: Product, scored: str, victim: str) -> None:
    """Ten readings, each sent until it is acknowledged, while what stores them is killed under them."""
    reader = f"reader-{victim}"
    product.add_person(reader, scored, "reader")
    readers, managers = product.api(reader), product.api("kills-manager")
    managers.post(f"projects/{scored}/acquisition-batches/", {"size": 10})
    sent: list[dict[str, Any]] = []
    half_way = threading.Event()
    killer = threading.Thread(target=lambda: (half_way.wait(120), product.kill(victim)))
    killer.start()
    for number in range(10):
        worklist = patiently(lambda: readers.post(f"projects/{scored}/worklist/", {"count": 1}))
        case = worklist["cases"][0]
        sent.append(submission(case, float(number % 5)))
        if number == 4:
            half_way.set()
        path = f"assignments/{case['assignment']}/readings/"
        patiently(lambda path=path, body=sent[-1]: readers.post(path, body))
    killer.join(180)
    stored = dict(
        product.rows(
            "SELECT r.client_key::text, s.value FROM annotations_reading r JOIN annotations_score s "
            "ON s.reading_id = r.id JOIN annotations_user u ON u.id = r.reader_id WHERE u.username = %s",
            reader,
        )
    )
    assert stored == {body["client_key"]: body["scores"]["overall"] for body in sent}


def test_fine_tuning_survives_the_death_of_its_worker(product: Product, scored: str) -> None:
    engineer = product.api("kills-ml_engineer")
    read_everything(product, scored)
    run = engineer.post(f"projects/{scored}/fine-tune-runs/", {"config": {"epochs": 400}})
    eventually(lambda: product.rows(RUN_BEGAN, run["id"]), seconds=120, what="the training begun")
    product.kill("train")
    final = ("succeeded", "failed", "cancelled")
    eventually(lambda: product.rows(RUN, run["id"])[0][0] in final, seconds=240, what="the run's end")
    state, message, attempt = product.rows(RUN, run["id"])[0]
    assert (state, attempt) == ("succeeded", 2), message
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
