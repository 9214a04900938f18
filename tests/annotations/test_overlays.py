"""Overlays on their way from a file to the reader's case."""

import base64
import json
import zlib

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from annotations.models import Image, Instance, Project, User
from annotations.services.ingestion import ingest_sources
from annotations.services.worklists import lease_assignments
from tests.annotations.dicom.builders import make_dataset, packed_bits, to_bytes, with_overlay
from tests.annotations.sent_files import ct_slice, sources
from tests.factories import make_assignment

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("objects")]
UID = "1.2.826.0.1.3680043.10.9"


def case_of_file(project: Project, reader: User, content: bytes) -> dict:
    ingest_sources(project=project, sources=sources({"one.dcm": content}))
    make_assignment(project, Image.objects.in_project(project).get())
    client = Client()
    client.force_login(reader)
    (case,) = client.post(f"/api/v1/projects/{project.slug}/worklist/").json()["cases"]
    return case


def test_case_carries_the_overlays_of_its_instances(project: Project, reader: User) -> None:
    mask = np.zeros((8, 8), np.bool_)
    mask[2:4, 5] = True
    dataset = make_dataset(SOPInstanceUID=UID, StudyDate="20240131")
    with_overlay(dataset, packed_bits(mask), origin=[2, 1])
    dataset.add_new((0x6000, 0x0022), "LO", "SECRET^NAME")
    case = case_of_file(project, reader, to_bytes(dataset))
    (picture,) = case["image"]["overlays"][UID]["pictures"]
    assert case["image"]["overlays"][UID]["frames"] == [[0]]
    assert {name: value for name, value in picture.items() if name != "bits"} == {
        "kind": "G", "left": 5, "top": 3, "width": 1, "height": 2,
    }  # fmt: skip
    assert zlib.decompress(base64.b64decode(picture["bits"])) == b"\x03"
    assert "SECRET" not in json.dumps(case)
    assert not any(tag.startswith("60") for tag in case["instances"][UID])


def test_case_without_overlays_says_no_more_than_that(project: Project, reader: User) -> None:
    assert case_of_file(project, reader, ct_slice(0))["image"]["overlays"] == {}
    assert Instance.objects.get().overlays == {}


def test_only_who_is_given_the_case_is_given_its_overlays(project: Project, reader: User, django_user_model) -> None:
    content = to_bytes(with_overlay(make_dataset(SOPInstanceUID=UID), b"\xff" * 8))
    ingest_sources(project=project, sources=sources({"one.dcm": content}))
    make_assignment(project, Image.objects.in_project(project).get())
    assert lease_assignments(project=project, reader=reader, count=1, now=timezone.now())
    stranger = Client()
    stranger.force_login(django_user_model.objects.create_user("stranger"))
    assert stranger.post(f"/api/v1/projects/{project.slug}/worklist/").status_code == 404
