"""What the model is told of an Image: the header as the platform keeps it becomes the prompt."""

import pytest

from inference.sources import image_sources
from tests.factories import make_image

pytestmark = pytest.mark.django_db


def prompt_of(modality: str, **elements):
    """Of an Image whose Instance has these elements, in the DICOM JSON model."""
    image = make_image(modality=modality)
    instance = image.slices.get().instance
    instance.metadata |= {tag: {"vr": "CS", "Value": values} for tag, values in elements.items()}
    instance.save()
    (source,) = image_sources([image.pk], features_version="none")
    return source.prompt, source.provenance


def test_view_position_is_read_from_the_kept_header():
    assert prompt_of("DX", **{"00185101": ["PA"]})[0].image_type == "frontal"


def test_acquisition_contrast_is_read_from_the_kept_header():
    assert prompt_of("MR", **{"00089209": ["T2_STAR"]})[0].image_type == "t2star"


def test_the_coded_anatomic_region_is_read_from_the_kept_header():
    prompt, provenance = prompt_of("DX", **{"00082218": [{"00080104": {"vr": "LO", "Value": ["Knee"]}}]})
    assert (prompt.region, provenance["region"]) == ("limb", "dicom")


def test_what_the_header_lacks_stays_unknown():
    prompt, provenance = prompt_of("US")
    assert (prompt.modality, prompt.region, prompt.image_type) == ("US", "unknown", "unknown")
    assert provenance["region"] == "unknown"
