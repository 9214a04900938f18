"""Why a file, or a part of one, is refused."""

from __future__ import annotations

from enum import StrEnum


class RefusalReason(StrEnum):
    """One short code for each kind of refusal; the sentence for people stands beside it."""

    EMPTY = "empty"
    NOT_AN_IMAGE_FILE = "not_an_image_file"
    NOT_DICOM_IMAGE = "not_dicom_image"
    DICOMDIR = "dicomdir"
    DICOMDIR_ALONE = "dicomdir_alone"
    MISSING_TAG = "missing_tag"
    INVALID_UID = "invalid_uid"
    TRUNCATED = "truncated"
    WRONG_LENGTH = "wrong_length"
    TOO_LARGE = "too_large"
    UNSUPPORTED_PIXELS = "unsupported_pixels"
    UNDECODABLE = "undecodable"
    CORRUPT = "corrupt"
    ENCRYPTED = "encrypted"
    UNSAFE_NAME = "unsafe_name"
    ARCHIVE_BOMB = "archive_bomb"
    NESTED_ARCHIVE = "nested_archive"
    UNREADABLE = "unreadable"

    @property
    def is_silent(self) -> bool:
        """True where nothing was lost: a DICOMDIR only lists files that are read by themselves."""
        return self is RefusalReason.DICOMDIR


class Sentence(str):
    """A sentence for people, in English; it knows its pattern and what stands in it, to be told in other languages.

    `Sentence("The tag %(keyword)s is missing.", keyword="Rows")`; without values the pattern is the sentence.
    """

    pattern: str
    values: dict[str, str | int]

    def __new__(cls, pattern: str, **values: str | int) -> Sentence:
        sentence = super().__new__(cls, pattern % values if values else pattern)
        sentence.pattern, sentence.values = pattern, values
        return sentence

    @classmethod
    def of(cls, text: str) -> Sentence:
        return text if isinstance(text, cls) else cls(text)


class RefusedFile(Exception):
    """A file that is not taken. `detail` is a sentence for people, `values` stand in it; it never holds a name, an
    identifier or a path.
    """

    def __init__(self, reason: RefusalReason, detail: str, **values: str | int) -> None:
        self.reason = reason
        self.detail = Sentence(detail, **values) if values else Sentence.of(detail)
        super().__init__(self.detail)
