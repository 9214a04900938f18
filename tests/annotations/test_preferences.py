"""Keys and mouse: stored with the user, and refused with a reason where they could not work."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from annotations.errors import UnknownSection
from annotations.models import User
from annotations.services.preferences import (
    MOUSE_TOOLS,
    RESERVED,
    preferences_of,
    reading_actions,
    set_preferences,
)
from tests.factories import make_user

pytestmark = pytest.mark.django_db
URL = "/api/v1/preferences/"
DIGITS = [str(digit) for digit in range(10)]


@pytest.fixture
def user() -> User:
    return make_user()


@pytest.fixture
def client(api: Callable[[User | None], APIClient], user: User) -> APIClient:
    return api(user)


def put(client: APIClient, keys: object = None, mouse: object = None) -> tuple[int, list[tuple[str, str]]]:
    answer = client.put(URL, {"keys": keys or {}, "mouse": mouse or {}}, format="json")
    return answer.status_code, [(error["code"], error["detail"]) for error in answer.json().get("errors", [])]


def test_the_list_itself_is_without_duplicates_and_reserved_keys() -> None:
    chords = [chord for action in reading_actions() for chord in (*action.keys, *action.fixed_keys)]
    assert len(chords) == len(set(chords))
    assert not {chord for action in reading_actions() for chord in action.keys} & set(RESERVED)
    assert all(action.label and action.group and (action.keys or action.fixed_keys) for action in reading_actions())


def test_chosen_keys_and_buttons_are_stored_with_the_user(client: APIClient, user: User) -> None:
    keys, mouse = {"invert": [";"], "undo": ["Backspace", "U"]}, {"left": "scroll", "wheel": "zoom"}
    assert put(client, keys, mouse) == (200, [])
    user.refresh_from_db()
    buttons = {"left": "scroll", "middle": "pan", "right": "zoom", "wheel": "zoom"}
    expected = {"keys": keys, "mouse": buttons, "hangings": {}}
    assert preferences_of(user) == client.get(URL).json() == expected


def test_a_section_that_is_not_named_stays_as_it_is(client: APIClient, user: User) -> None:
    user.reading_preferences = {"of_another_version": {"a": 1}}
    user.save()
    put(client, {"invert": [";"]}, {"left": "scroll"})
    assert client.put(URL, {"mouse": {"left": "pan"}}, format="json").status_code == 200
    user.refresh_from_db()
    expected = {"of_another_version": {"a": 1}, "keys": {"invert": [";"]}, "mouse": {"left": "pan"}}
    assert user.reading_preferences == expected
    with pytest.raises(UnknownSection, match="colours"):
        set_preferences(user=user, colours={"left": "red"})


def test_two_actions_may_change_places(client: APIClient) -> None:
    assert put(client, {"invert": ["R"], "rotate": ["I"]}) == (200, [])
    presets = [f"Shift+{digit}" for digit in DIGITS]
    assert put(client, {"score": presets, "preset": DIGITS[1:]}) == (200, [])


@pytest.mark.parametrize(
    ("keys", "mouse", "code", "word"),
    [
        ({"fly": ["X"]}, {}, "unknown_action", "fly"),
        ({"leave": ["X"]}, {}, "unknown_action", "leave"),
        ({"invert": ["R"]}, {}, "duplicate_key", "Rotate"),
        ({"invert": ["X", "X"]}, {}, "duplicate_key", "Invert"),
        ({"invert": ["Tab"]}, {}, "reserved_key", "moves the focus"),
        ({"invert": ["F5"]}, {}, "reserved_key", "browser"),
        ({"invert": ["Escape"]}, {}, "reserved_key", "leaves"),
        ({"invert": ["Ctrl+S"]}, {}, "unknown_key", "Ctrl+S"),
        ({"invert": ["x"]}, {}, "unknown_key", "'x'"),
        ({"invert": [" "]}, {}, "unknown_key", "' '"),
        ({"invert": []}, {}, "wrong_key_count", "Invert"),
        ({"invert": ["T", "Y", "Q", "J", "E"]}, {}, "wrong_key_count", "Invert"),
        ({"score": ["1", "2"]}, {}, "wrong_key_count", "10 keys"),
        ({}, {"left": "fly"}, "unknown_mouse_tool", "fly"),
        ({}, {"thumb": "pan"}, "unknown_mouse_tool", "thumb"),
    ],
)
def test_what_could_not_work_is_refused_with_a_reason_and_changes_nothing(
    client: APIClient, user: User, keys: object, mouse: object, code: str, word: str
) -> None:
    status, ((found, detail),) = put(client, keys, mouse)
    assert (status, found) == (400, code)
    assert word in detail
    user.refresh_from_db()
    assert user.reading_preferences == {}


@pytest.mark.parametrize("body", [[], {"keys": []}, {"keys": {"invert": "X"}, "mouse": {}}, {"keys": {"invert": [{}]}}])
def test_other_shapes_are_refused(client: APIClient, body: object) -> None:
    assert client.put(URL, body, format="json").status_code == 400


def test_nobody_reaches_anothers_preferences(api: Callable[[User | None], APIClient], client: APIClient) -> None:
    put(client, {"invert": ["J"]})
    mouse = {button: tools[0] for button, tools in MOUSE_TOOLS.items()}
    assert api(make_user()).get(URL).json() == {"keys": {}, "mouse": mouse, "hangings": {}}
    assert api(None).get(URL).status_code == 401
