"""What a person says an Image is: it wins over the header, and features made before it are not used again."""

import pytest
from django.test import Client
from django.utils import timezone

from annotations.models import Role
from inference.errors import UnknownPromptWord
from inference.models import Embedding, ModelVersion, Prediction, PromptCorrection, Stage
from inference.services.features import cached_embeddings
from inference.services.prompts import correct_prompt
from inference.services.registry import ensure_baseline
from inference.sources import image_sources
from tests.factories import make_image, make_member, make_project, make_user
from tests.inference.images import make_stored_image, prescore

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("objects")]


def correct(image, **factors: str) -> PromptCorrection:
    return correct_prompt(image=image, factors=factors, by=make_user(), now=timezone.now())


def test_what_a_person_said_wins_over_the_header_and_can_be_taken_back():
    image = make_image(modality="DX")
    correct(image, modality="MG", region="breast")
    (source,) = image_sources([image.pk], features_version="none")
    assert (source.prompt.modality, source.prompt.region) == ("MG", "breast")
    assert source.provenance["modality"] == source.provenance["region"] == "override"
    correct(image)
    (source,) = image_sources([image.pk], features_version="none")
    assert (source.prompt.modality, source.provenance["modality"]) == ("XR", "dicom")


@pytest.mark.parametrize("factors", [{"modality": "camera"}, {"colour": "red"}, {"modality": ["MR"]}])
def test_a_word_that_the_network_lacks_is_refused_and_nothing_is_kept(factors):
    with pytest.raises(UnknownPromptWord):
        correct(make_image(), **factors)
    assert not PromptCorrection.objects.exists()


def test_the_next_version_encodes_the_image_anew_with_it_and_the_one_after_uses_that():
    project = make_project(criteria=("noise",))
    image, other = make_stored_image(project, seed=1), make_stored_image(project, seed=2)
    prescore(project)
    before = Embedding.objects.get(image=image)
    correct(image, modality="MR")
    assert prescore(project)["scored"] == 0  # the Prediction that is there stays
    for from_cache in (1, 2):
        ModelVersion.objects.filter(project=project).update(stage=Stage.RETIRED)
        ensure_baseline(project=project, now=timezone.now())
        assert prescore(project)["from_cache"] == from_cache
    first, *later = Prediction.objects.filter(image=image).order_by("pk")
    assert first.prompt["modality"] == "CT"
    assert [one.prompt["modality"] for one in later] == ["MR", "MR"]
    assert {one.prompt_provenance["modality"] for one in later} == {"override"}
    assert list(Embedding.objects.get(image=image).vector) != list(before.vector)
    assert Prediction.objects.filter(image=other).count() == 3


def test_what_is_said_while_the_image_is_being_encoded_is_not_lost(monkeypatch):
    project = make_project(criteria=("noise",))
    image = make_stored_image(project)

    def corrected_meanwhile(**arguments):
        correct(image, modality="MR")
        return cached_embeddings(**arguments)

    monkeypatch.setattr("inference.services.scoring.cached_embeddings", corrected_meanwhile)
    prescore(project)
    monkeypatch.undo()
    ModelVersion.objects.filter(project=project).update(stage=Stage.RETIRED)
    ensure_baseline(project=project, now=timezone.now())
    assert prescore(project)["from_cache"] == 0
    assert Prediction.objects.order_by("-pk").first().prompt["modality"] == "MR"


def test_saying_the_same_again_or_taking_it_back_in_time_makes_nothing_anew():
    project = make_project(criteria=("noise",))
    image = make_stored_image(project)
    prescore(project)
    correct(image, modality="MR")
    correct(image)
    (source,) = image_sources([image.pk], features_version=Embedding.objects.get().features_version)
    assert source.features_name


def test_the_page_of_a_prediction_takes_the_correction_and_shows_it():
    project = make_project(criteria=("noise",))
    engineer = make_member(project, Role.ML_ENGINEER)
    image = make_stored_image(project)
    prescore(project)
    client = Client()
    client.force_login(engineer)
    address = f"/projects/{project.slug}/predictions/{Prediction.objects.get().pk}/"
    said = {"dimension": "", "modality": "MR", "region": "", "image_type": ""}
    page = client.post(address + "prompt/", said, follow=True).content.decode()
    assert '<option value="MR" selected>' in page
    assert "Kept." in page
    kept = PromptCorrection.objects.get(image=image)
    assert (kept.factors, kept.corrected_by) == ({"modality": "MR"}, engineer)
    page = client.post(address + "prompt/", {"modality": "camera"}, follow=True).content.decode()
    assert "The model knows no modality of that name." in page
    assert PromptCorrection.objects.get(image=image).factors == {"modality": "MR"}


def test_who_may_not_see_the_prediction_can_not_correct_it():
    project = make_project(criteria=("noise",))
    make_stored_image(project)
    prescore(project)
    address = f"/projects/{project.slug}/predictions/{Prediction.objects.get().pk}/prompt/"
    for user, status in ((make_member(project, Role.READER), 403), (make_user(), 404)):
        client = Client()
        client.force_login(user)
        assert client.post(address, {"modality": "MR"}).status_code == status
    assert not PromptCorrection.objects.exists()
