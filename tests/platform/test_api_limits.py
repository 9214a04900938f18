"""Numbers that no list has: answered, never a 500."""

import pytest
from rest_framework.test import APIClient

from annotations.models import Role
from tests.factories import make_image, make_member, make_project

pytestmark = pytest.mark.django_db
HUGE = "9" * 24


@pytest.fixture
def client() -> APIClient:
    project = make_project("chest")
    make_image(project)
    client = APIClient()
    client.force_login(make_member(project, Role.READER, Role.MANAGER))
    return client


LISTS = ("projects/", "readings/", *(f"projects/chest/{name}/" for name in ("images", "predictions", "model-versions")))


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("query", [f"limit={HUGE}", f"offset={HUGE}", "limit=-1", "limit=x", "offset=x"])
def test_lists_take_any_page(client: APIClient, path: str, query: str) -> None:
    response = client.get(f"/api/v1/{path}?{query}")
    assert response.status_code == 200, response.content
    assert response["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("path", ["readings/", "projects/chest/predictions/"])
@pytest.mark.parametrize("image", ["0", "123456789", HUGE])
def test_a_filter_by_image_tells_not_which_images_exist(client: APIClient, path: str, image: str) -> None:
    response = client.get(f"/api/v1/{path}?image={image}")
    assert (response.status_code, response.json()["count"]) == (200, 0)


def test_the_root_of_the_api_leads_to_its_description(client: APIClient) -> None:
    assert client.get("/api/v1/").headers["Location"] == "/api/v1/docs/"
