"""How a case is first shown: the manager's lines by modality and view, and what a reader keeps for themselves."""

import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from annotations.models import Hanging, Image, Instance, Role
from annotations.services.hanging import CHOICES, hanging_of
from tests.factories import make_assignment, make_image, make_member, make_project

pytestmark = pytest.mark.django_db

KEPT: dict[str, Any] = {field: choices[-1] for field, choices in CHOICES.items()}


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def put(client: Client, sections: dict[str, Any]):
    return client.put("/api/v1/preferences/", json.dumps(sections), content_type="application/json")


@pytest.mark.parametrize(
    ("lines", "layout"),
    [
        ([], "one"),
        ([("", "", "prior")], "prior"),
        ([("", "", "prior"), ("MG", "", "anchor")], "anchor"),
        ([("", "CC L", "anchor"), ("", "", "prior")], "anchor"),
        ([("MG", "CC L", "one"), ("MG", "", "anchor"), ("", "CC L", "prior")], "one"),
        ([("MG", "MLO L", "anchor"), ("CT", "", "prior")], "one"),
    ],
)
def test_line_that_says_more_goes_first(lines: list[tuple[str, str, str]], layout: str) -> None:
    project = make_project()
    image = make_image(project, modality="MG")
    said = {"00185101": {"vr": "CS", "Value": ["CC"]}, "00200062": {"vr": "CS", "Value": ["L"]}}
    Instance.objects.filter(slices__image=image).update(metadata=said)
    for modality, view, shown in lines:
        Hanging.objects.create(project=project, modality=modality, view=view, layout=shown)
    found = hanging_of(image, project)
    assert (found["name"], found["layout"]) == (f"{project.slug}/MG/CC L", layout)


def test_stack_is_hung_by_its_plane() -> None:
    project = make_project()
    image = make_image(project, slices=2)
    Image.objects.filter(pk=image.pk).update(plane="axial")
    Hanging.objects.create(project=project, modality="CT", view="AXIAL", first_slice="first")
    assert hanging_of(Image.objects.get(pk=image.pk), project)["first_slice"] == "first"


def test_case_comes_with_its_hanging() -> None:
    project = make_project()
    Hanging.objects.create(project=project, modality="CT", window="Lung", rotation=90)
    make_assignment(project)
    reader = signed_in(make_member(project, Role.READER))
    (case,) = reader.post(f"/api/v1/projects/{project.slug}/worklist/").json()["cases"]
    assert case["hanging"] == {
        "name": f"{project.slug}/CT/",
        "layout": "one",
        "window": "Lung",
        "fit": "whole",
        "first_slice": "middle",
        "rotation": 90,
        "is_flipped_horizontally": False,
        "is_flipped_vertically": False,
    }


def test_manager_writes_lines_and_is_told_what_is_wrong() -> None:
    project = make_project()
    manager = signed_in(make_member(project, Role.MANAGER))
    address = f"/projects/{project.slug}/hanging/"
    counts = {"hangings-TOTAL_FORMS": 1, "hangings-INITIAL_FORMS": 0}
    plain = {field: choices[0] for field, choices in CHOICES.items() if not isinstance(choices[0], bool)}
    line = {f"hangings-0-{field}": value for field, value in plain.items()}
    named = {"hangings-0-modality": "CT", "hangings-0-view": "axial"}
    for field, value in (("window", "Purple"), ("rotation", 45), ("layout", "four"), ("modality", "C T!")):
        refused = manager.post(address, counts | line | named | {f"hangings-0-{field}": value})
        assert refused.status_code == 200
        assert refused.context["lines"].forms[0].errors[field]
    assert not Hanging.objects.exists()
    assert manager.post(address, counts | line | named).status_code == 302
    hanging = Hanging.objects.get()
    assert (hanging.modality, hanging.view) == ("CT", "AXIAL")
    twice = manager.post(address, counts | line | named)
    assert "There is a line for this modality and view already." in twice.content.decode()
    gone = counts | line | named | {"hangings-INITIAL_FORMS": 1, "hangings-0-id": hanging.pk, "hangings-0-DELETE": "on"}
    manager.post(address, gone)
    assert not Hanging.objects.exists()


def test_lines_hold_no_value_that_is_not_offered() -> None:
    with pytest.raises(ValidationError):
        Hanging(project=make_project(), window="Purple").full_clean()


def test_reader_keeps_a_hanging_and_goes_back_to_the_projects() -> None:
    project = make_project()
    client = signed_in(make_member(project, Role.READER))
    name = f"{project.slug}/CT/AXIAL"
    put(client, {"mouse": {"left": "scroll"}})
    assert put(client, {"hangings": {name: KEPT}}).json()["hangings"] == {name: KEPT}
    kept = client.get("/api/v1/preferences/").json()
    assert (kept["hangings"], kept["mouse"]["left"]) == ({name: KEPT}, "scroll")
    assert put(client, {"hangings": {}}).json()["hangings"] == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"layout": "four"},
        {"rotation": 45},
        {"rotation": True},
        {"is_flipped_vertically": 1},
        {"window": "Purple"},
        {"colour": "red"},
    ],
)
def test_what_cannot_be_kept_is_refused_with_the_reason(wrong: dict[str, Any]) -> None:
    client = signed_in(make_member(make_project(), Role.READER))
    answer = put(client, {"hangings": {"a/CT/": KEPT | wrong}})
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert next(iter(wrong)) in error["detail"] or "layout" in error["detail"]
    assert client.get("/api/v1/preferences/").json()["hangings"] == {}


def test_hangings_are_no_place_to_store_things() -> None:
    client = signed_in(make_member(make_project(), Role.READER))
    many = {f"p/CT/{number}": KEPT for number in range(201)}
    for wrong in (many, {"x" * 200: KEPT}, {"p/CT/": {}}):
        assert put(client, {"hangings": wrong}).status_code == 400
