"""The pages that say why: what they show, to whom, and which read Images they name as alike."""

import pytest
from django.test import Client

from annotations.models import Image, Project, Role, User
from inference.models import CriterionPrediction, Embedding, ModelVersion, Prediction
from inference.pictures import STRONGEST, slice_pictures
from inference.services.neighbours import nearest_read
from tests.factories import make_member, make_project, make_reading
from tests.inference.images import baseline, make_stored_image

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("objects")]


@pytest.fixture
def project() -> Project:
    return make_project(criteria=("noise",))


@pytest.fixture
def engineer(project: Project) -> User:
    return make_member(project, Role.ML_ENGINEER)


@pytest.fixture
def version(project: Project) -> ModelVersion:
    return baseline(project)


def make_prediction(
    project: Project, version: ModelVersion, place: float, *, std: float = 0.5, strangeness: float = 0.4
) -> Prediction:
    """A Prediction of a new Image whose features lie at a place on a line."""
    image = make_stored_image(project)
    vector = [place, 0.0, 0.0]
    Embedding.objects.create(image=image, features_version=version.features_version, vector=vector, features_name="x")
    prediction = Prediction.objects.create(
        project=project,
        image=image,
        model_version=version,
        prompt={"modality": "MR", "region": "head"},
        prompt_provenance={"modality": "dicom", "region": "classifier"},
        prompt_confidence={"modality": 1.0, "region": 0.93},
        slice_indices=[0],
        slice_weights=[1.0],
        patch_weights=[{"slice": 0, "tiles": [{"box": [0, 0, 64, 64], "weights": [[0.5, 1.0], [0.0, 0.25]]}]}],
        physical={"relative_dose": 0.4, "added_slice_thickness_mm": 0.4},
        ood_distance=strangeness,
    )
    CriterionPrediction.objects.create(
        prediction=prediction,
        criterion=version.rubric.criteria.get(),
        quality=2.5,
        epistemic_std=std,
        aleatoric_std=0.1,
        lower=1.5,
        upper=3.5,
        is_prior=True,
    )
    return prediction


def make_read(project: Project, version: ModelVersion, place: float, value: float, reader: User) -> Image:
    image = make_prediction(project, version, place).image
    make_reading(project, image, reader, {"noise": value})
    return image


def page_of(user: User, project: Project, path: str = "") -> str:
    client = Client()
    client.force_login(user)
    response = client.get(f"/projects/{project.slug}/predictions/{path}")
    assert response.status_code == 200
    return response.content.decode()


def test_the_nearest_read_images_come_first_with_what_was_said_of_them(project, version, engineer):
    reader = make_member(project, Role.READER)
    asked = make_prediction(project, version, 0.0)
    make_prediction(project, version, 0.1)  # nearer, but nobody has read it
    far, near = make_read(project, version, 5.0, 1, reader), make_read(project, version, -2.0, 4, reader)
    found = nearest_read(prediction=asked, user=engineer)
    assert [(one.image, one.distance) for one in found] == [(near, 2.0), (far, 5.0)]
    assert [consensus.value for one in found for consensus in one.consensus.values()] == [4, 1]
    assert nearest_read(prediction=asked, user=engineer, count=1)[0].image == near


def test_an_image_is_no_neighbour_of_itself_nor_of_another_encoder(project, version, engineer):
    reader = make_member(project, Role.READER)
    other = make_read(project, version, 1.0, 2, reader)
    Embedding.objects.filter(image=other).update(features_version="f" * 64)
    own = make_read(project, version, 0.0, 2, reader)
    assert nearest_read(prediction=own.predictions.get(), user=engineer) == []


def test_images_that_a_person_is_to_read_are_not_named_as_neighbours(project, version):
    """They would show a colleague's Scores before the own reading."""
    both = make_member(project, Role.READER, Role.ML_ENGINEER)
    colleague = make_member(project, Role.READER)
    asked = make_prediction(project, version, 0.0)
    hidden, seen = make_read(project, version, 1.0, 3, colleague), make_read(project, version, 2.0, 1, colleague)
    make_reading(project, seen, both, {"noise": 1})
    assert [one.image for one in nearest_read(prediction=asked, user=both)] == [seen]
    assert hidden != seen


def test_without_kept_features_there_are_no_neighbours(project, version, engineer):
    asked = make_prediction(project, version, 0.0)
    Embedding.objects.all().delete()
    assert nearest_read(prediction=asked, user=engineer) == []


def test_places_are_drawn_where_they_lie_and_as_strongly_as_they_count(project, version):
    """Of 64 x 64 pixels; patches of 0.5 and 1 lie above 0 and 0.25, and least and most are 0 and 1."""
    (picture,) = slice_pictures(make_prediction(project, version, 0.0))
    assert (picture.rows, picture.columns, picture.number) == (64, 64, 1)
    assert picture.url.endswith("/frames/1/rendered")
    assert {(one.width, one.height) for one in picture.patches} == {(4, 4)}
    drawn = {(one.left, one.top): one.opacity for one in picture.patches}
    assert (drawn[60, 0], drawn[0, 0], drawn[60, 60]) == (STRONGEST, STRONGEST / 2, STRONGEST / 4)
    assert (0, 60) not in drawn


def test_places_that_two_tiles_show_are_drawn_once_as_their_mean(project, version):
    prediction = make_prediction(project, version, 0.0)
    boxes = {0.0: [0, 0, 64, 64], 0.4: [0, 32, 64, 64], 1.0: [32, 32, 64, 64]}
    tiles = [{"box": box, "weights": [[weight, weight], [weight, weight]]} for weight, box in boxes.items()]
    prediction.patch_weights = [{"slice": 0, "tiles": tiles}]
    (picture,) = slice_pictures(prediction)
    upper, lower = 0.4 / 2, 1.4 / 3  # the mean of two tiles, and of all three
    shown = {(one.left >= 32, one.top >= 32, one.opacity) for one in picture.patches}
    assert shown == {(True, True, STRONGEST), (True, False, round(STRONGEST * upper / lower, 3))}
    assert len(picture.patches) == 8 * 16


def test_places_of_a_volume_are_measured_against_the_most_in_all_slices_and_the_weightiest_comes_first(
    project, version
):
    prediction = make_prediction(project, version, 0.0)
    prediction.image = make_stored_image(project, slices=2)
    prediction.slice_indices, prediction.slice_weights = [0, 1], [0.25, 0.75]
    prediction.patch_weights = [
        {"slice": index, "tiles": [{"box": [0, 0, 64, 64], "weights": [[0.0, most], [0.0, most]]}]}
        for index, most in enumerate((0.5, 1.0))
    ]
    pictures = slice_pictures(prediction)
    assert [(one.number, max(patch.opacity for patch in one.patches)) for one in pictures] == [
        (2, STRONGEST),
        (1, STRONGEST / 2),
    ]


def test_nothing_is_drawn_where_every_place_counts_alike(project, version):
    prediction = make_prediction(project, version, 0.0)
    prediction.patch_weights[0]["tiles"][0]["weights"] = [[1.0, 1.0], [1.0, 1.0]]
    assert slice_pictures(prediction)[0].patches == ()


def test_the_page_says_score_interval_physics_prompt_and_neighbours(project, version, engineer):
    make_read(project, version, 1.0, 4, make_member(project, Role.READER))
    asked = make_prediction(project, version, 0.0)
    page = page_of(engineer, project, f"{asked.pk}/")
    for text in (
        "2.5",
        "90 % interval 1.5 to 3.5",
        "low dose, slight (40 % of the dose)",
        "Hardly any: thick slices.",
        "by 1 reader",
    ):
        assert text in page
    assert "(classifier, probability 0.93)" in page
    assert page.count("<rect ") > 100


def test_the_page_says_how_far_what_counts_least_and_most_are_apart(project, version, engineer):
    """A colour is spread between the two, however near they lie."""
    prediction = make_prediction(project, version, 0.0)
    prediction.patch_weights[0]["tiles"][0]["weights"] = [[0.8, 1.0], [0.9, 0.9]]
    prediction.save()
    page = page_of(engineer, project, f"{prediction.pk}/")
    assert "what counts least in this image counts 80 % of what counts most" in page


def test_the_page_shows_how_likely_each_level_is(project, version, engineer):
    page = page_of(engineer, project, f"{make_prediction(project, version, 0.0).pk}/")
    assert "how likely the model holds each level" in page
    assert page.count("45 %") == 2  # 2 and 3, with 2.5 in the middle of an interval from 1.5 to 3.5


def test_the_list_begins_with_what_is_least_known_or_strangest(project, version, engineer):
    sure = make_prediction(project, version, 0.0, std=0.1, strangeness=2.0)
    unsure = make_prediction(project, version, 1.0, std=0.9, strangeness=0.2)
    uncertain, strange = page_of(engineer, project), page_of(engineer, project, "?order=strange")
    assert "MR, head" in uncertain
    assert uncertain.index(f"Image {unsure.image_id}") < uncertain.index(f"Image {sure.image_id}")
    assert strange.index(f"Image {sure.image_id}") < strange.index(f"Image {unsure.image_id}")


@pytest.mark.parametrize("query", ["?order=nonsense", "?page=nonsense", "?page=999999999999", "?page=-1"])
def test_odd_addresses_of_the_list_show_it_all_the_same(project, version, engineer, query):
    shown = make_prediction(project, version, 0.0)
    assert f"Image {shown.image_id}" in page_of(engineer, project, query)


def test_an_empty_list_says_why(project, engineer):
    assert "not scored yet" in page_of(engineer, project)


def test_readers_may_not_open_them_and_strangers_do_not_find_them(project, version):
    pk = make_prediction(project, version, 0.0).pk
    for user, expected in ((make_member(project, Role.READER), 403), (make_member(make_project(), Role.MANAGER), 404)):
        client = Client()
        client.force_login(user)
        for path in ("", f"{pk}/"):
            assert client.get(f"/projects/{project.slug}/predictions/{path}").status_code == expected


def test_the_page_of_an_image_that_a_person_is_still_to_read_is_not_there(project, version):
    both = make_member(project, Role.READER, Role.ML_ENGINEER)
    pk = make_prediction(project, version, 0.0).pk
    client = Client()
    client.force_login(both)
    assert client.get(f"/projects/{project.slug}/predictions/{pk}/").status_code == 404
    assert "Nothing to show" in page_of(both, project)


def test_the_interface_says_how_likely_each_level_is(project, version, engineer):
    make_prediction(project, version, 0.0)
    client = Client()
    client.force_login(engineer)
    answer = client.get(f"/api/v1/projects/{project.slug}/predictions/").json()
    (criterion,) = answer["results"][0]["criteria"]
    assert [one["value"] for one in criterion["levels"]] == version.rubric.criteria.get().levels
    assert sum(one["probability"] for one in criterion["levels"]) == pytest.approx(1)
