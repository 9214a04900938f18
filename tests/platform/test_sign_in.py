"""Signing in, and who guesses passwords."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.test import Client
from django.utils import timezone

from annotations.models import User
from tests.factories import make_user

pytestmark = pytest.mark.django_db
RIGHT = {"username": "ana", "password": "a long password"}
WRONG = {"username": "ana", "password": "a guess"}
SESSION = "/api/v1/session/"


@pytest.fixture(autouse=True)
def ana() -> User:
    return make_user("ana")


def sign_in(credentials: dict[str, str]) -> int:
    """On the page, as a new visitor."""
    return Client().post("/sign-in/", credentials).status_code


def guess(times: int) -> None:
    for _ in range(times):
        sign_in(WRONG)


def test_the_right_password_signs_in() -> None:
    assert sign_in(RIGHT) == 302


def test_nine_wrong_passwords_lock_nobody_out() -> None:
    guess(settings.AXES_FAILURE_LIMIT - 1)
    assert sign_in(RIGHT) == 302


def test_after_ten_wrong_passwords_the_right_one_has_to_wait() -> None:
    guess(settings.AXES_FAILURE_LIMIT)
    response = Client().post("/sign-in/", RIGHT)
    assert response.status_code == 429
    assert "Try again in ten minutes" in response.content.decode()


def test_who_guessed_on_the_page_cannot_go_on_by_the_api() -> None:
    guess(settings.AXES_FAILURE_LIMIT)
    response = Client().post(SESSION, RIGHT, content_type="application/json")
    assert response.status_code == 429
    assert response.json()["errors"][0]["code"] == "too_many_sign_ins"


def test_guesses_by_the_api_count_on_the_page() -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT):
        Client().post(SESSION, WRONG, content_type="application/json")
    assert sign_in(RIGHT) == 429


def test_the_administration_counts_too() -> None:
    guess(settings.AXES_FAILURE_LIMIT)
    assert Client().post("/admin/login/", RIGHT).status_code == 429


def test_other_names_sign_in_meanwhile() -> None:
    make_user("ben")
    guess(settings.AXES_FAILURE_LIMIT)
    assert sign_in(RIGHT | {"username": "ben"}) == 302


def test_after_ten_minutes_the_right_password_signs_in() -> None:
    guess(settings.AXES_FAILURE_LIMIT)
    AccessAttempt.objects.update(attempt_time=timezone.now() - settings.AXES_COOLOFF_TIME - timedelta(seconds=1))
    assert sign_in(RIGHT) == 302


def test_no_password_is_kept() -> None:
    guess(1)
    attempt = AccessAttempt.objects.get()
    assert "guess" not in "".join(str(value) for value in vars(attempt).values())


@pytest.mark.parametrize(("page_of", "status"), [("ana", 200), (None, 200), ("j%C3%B6rg", 401), ("", 401)])
def test_a_page_of_somebody_else_gets_nothing_by_my_session(ana: User, page_of: str | None, status: int) -> None:
    client = Client()
    client.force_login(ana)
    headers = {} if page_of is None else {"X-Page-Of": page_of}
    assert client.get("/api/v1/preferences/", headers=headers).status_code == status
    told = client.get(SESSION, headers=headers).json()
    assert (told["is_authenticated"], told["username"]) == (True, "ana")  # so that the page can find out


def test_a_page_knows_its_person_by_a_name_that_no_header_takes() -> None:
    client = Client()
    client.force_login(make_user("jörg"))
    assert client.get("/api/v1/preferences/", headers={"X-Page-Of": "j%C3%B6rg"}).status_code == 200
