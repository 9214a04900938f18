import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.multival import MultiValue
from pydicom.sr.codedict import codes

from inference.mediqa.dicom_terms import region_of
from inference.mediqa.prompt import IMAGE_TYPES, MODALITIES, REGIONS, VOCABULARY, prompt_codes, prompt_from_header
from inference.mediqa.types import Prompt


@pytest.mark.parametrize(
    ("code", "word"),
    [("CT", "CT"), ("MR", "MR"), ("CR", "XR"), ("DX", "XR"), ("MG", "MG"), ("US", "US"), ("PT", "PT"),
     ("mr ", "MR"), ("SM", "OTHER"), ("", "unknown"), (None, "unknown")],
)  # fmt: skip
def test_modality_comes_from_the_dicom_code(code, word):
    assert prompt_from_header({"Modality": code})[0].modality == word


@pytest.mark.parametrize(
    ("body_part", "region"),
    [("HEAD", "head"), ("BRAIN", "head"), ("CSPINE", "spine"), ("LSPINE", "spine"), ("CHEST", "chest"),
     ("ABDOMEN", "abdomen"), ("HEADNECK", "neck"), ("EXTREMITY", "limb"), ("KNEE", "limb"), ("BREAST", "breast"),
     ("WHOLEBODY", "whole_body"), ("HEART", "heart"), ("PROSTATE", "pelvis"), ("QQQ", "other"), ("", "unknown")],
)  # fmt: skip
def test_region_comes_from_the_body_part(body_part, region):
    assert prompt_from_header({"BodyPartExamined": body_part})[0].region == region


def test_every_common_anatomic_region_of_dicom_has_a_word():
    """CID 4031 of PS3.16 as pydicom carries it; no meaning may fall through to the guesses for free text."""
    meanings = [getattr(codes.cid4031, name).meaning for name in codes.cid4031.dir()]
    assert len(meanings) > 100
    assert {region_of(meaning) for meaning in meanings} <= set(REGIONS)
    assert [meaning for meaning in meanings if region_of(meaning) is None] == []


def test_region_comes_from_the_coded_anatomic_region_too():
    item = Dataset()
    item.CodeMeaning = "Lumbo-sacral spine"
    assert prompt_from_header({"AnatomicRegionSequence": [item]})[0].region == "spine"
    assert prompt_from_header({"AnatomicRegionSequence": ["Knee"]})[0].region == "limb"


@pytest.mark.parametrize(
    ("header", "region"),
    [({"SeriesDescription": "t1_mprage_BRAIN"}, "head"), ({"ProtocolName": "Thorax^Routine"}, "chest"),
     ({"Modality": "MG"}, "breast"), ({"Modality": "OP"}, "eye"), ({"SeriesDescription": "Series 3"}, "unknown")],
)  # fmt: skip
def test_region_falls_back_to_descriptions(header, region):
    assert prompt_from_header(header)[0].region == region


@pytest.mark.parametrize(
    ("header", "image_type"),
    [
        ({"Modality": "MR", "SeriesDescription": "t1_mprage_sag"}, "t1"),
        ({"Modality": "MR", "SeriesDescription": "AX T2 FLAIR"}, "flair"),
        ({"Modality": "MR", "SeriesDescription": "ep2d_diff_ADC"}, "diffusion"),
        ({"Modality": "MR", "SeriesDescription": "ax T2 TSE"}, "t2"),
        ({"Modality": "MR", "SeriesDescription": "gre_field_mapping"}, "field_map"),
        ({"Modality": "MR", "EchoTime": "9", "RepetitionTime": "500"}, "t1"),
        ({"Modality": "MR", "EchoTime": "100", "RepetitionTime": "4000"}, "t2"),
        ({"Modality": "MR", "EchoTime": "30", "RepetitionTime": "2000", "ScanningSequence": "EP"}, "t2star"),
        ({"Modality": "MR"}, "unknown"),
        ({"Modality": "CT", "ConvolutionKernel": "B70f"}, "sharp_kernel"),
        ({"Modality": "CT", "ConvolutionKernel": ["B30f", "3"]}, "soft_kernel"),
        ({"Modality": "CT", "ConvolutionKernel": MultiValue(str, ["B70f", "3"])}, "sharp_kernel"),
        ({"Modality": "CT", "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "localizer"),
        ({"Modality": "CR", "ViewPosition": "PA"}, "frontal"),
        ({"Modality": "DX", "ViewPosition": "LL"}, "lateral"),
        ({"Modality": "CR", "ViewPosition": ["PA"]}, "frontal"),
        ({"Modality": "DX", "ViewCodeSequence": ["postero-anterior"]}, "frontal"),
        ({"Modality": "MG", "ViewCodeSequence": ["medio-lateral oblique"]}, "lateral"),
        ({"Modality": "MR", "AcquisitionContrast": "T2_STAR", "SeriesDescription": "t1"}, "t2star"),
        ({"Modality": "MR", "AcquisitionContrast": ["UNKNOWN"], "SeriesDescription": "t1"}, "t1"),
        ({"Modality": "US", "ImageType": ["DERIVED", "SECONDARY"]}, "derived"),
    ],
)
def test_image_type_comes_from_sequence_kernel_or_view(header, image_type):
    assert prompt_from_header(header)[0].image_type == image_type


@pytest.mark.parametrize(
    ("header", "dimension"),
    [({"NumberOfFrames": "30"}, "3D"), ({"NumberOfFrames": 1}, "2D"), ({"slices": 40}, "3D"), ({"slices": 1}, "2D"),
     ({"dimension": "3D", "NumberOfFrames": 1}, "3D"), ({}, "unknown"), ({"NumberOfFrames": "x"}, "unknown")],
)  # fmt: skip
def test_dimension_comes_from_the_stack_or_the_frames(header, dimension):
    assert prompt_from_header(header)[0].dimension == dimension


def test_an_empty_header_gives_unknown_everywhere_and_says_so():
    prompt, provenance = prompt_from_header({})
    assert prompt == Prompt()
    assert set(provenance.values()) == {"unknown"}
    assert prompt_codes(prompt) == (0, 0, 0, 0)


def test_override_wins_over_dicom_and_keeps_its_provenance():
    prompt, provenance = prompt_from_header({"Modality": "CT", "BodyPartExamined": "HEAD"}, override={"region": "neck"})
    assert (prompt.modality, prompt.region) == ("CT", "neck")
    assert provenance == {"dimension": "unknown", "modality": "dicom", "region": "override", "image_type": "unknown"}


@pytest.mark.parametrize("override", [{"region": "nowhere"}, {"colour": "red"}])
def test_override_outside_the_vocabulary_is_refused(override):
    with pytest.raises(ValueError, match=r"is no region|No prompt factor"):
        prompt_from_header({}, override=override)


def test_unknown_is_the_first_word_of_every_table_and_words_are_unique():
    for words in VOCABULARY.values():
        assert words[0] == "unknown"
        assert len(set(words)) == len(words)


def test_a_word_that_a_newer_version_added_counts_as_unknown():
    assert prompt_codes(Prompt("4D", "CT", "tail", "t9")) == (0, MODALITIES.index("CT"), 0, 0)
    assert prompt_codes(Prompt("2D", "MR", "head", "t2"))[2:] == (REGIONS.index("head"), IMAGE_TYPES.index("t2"))


def test_header_of_a_real_file_is_taken_as_pydicom_gives_it():
    dataset = dcmread(str(get_testdata_file("CT_small.dcm")), stop_before_pixels=True)
    prompt, _ = prompt_from_header({element.keyword: element.value for element in dataset if element.keyword})
    assert prompt.modality == "CT"
