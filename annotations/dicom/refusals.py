"""Why a file, or a part of one, is refused."""

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


class RefusedFile(Exception):
    """A file that is not taken. `detail` is a sentence for people; it never holds a name, an identifier or
    a path.
    """

    def __init__(self, reason: RefusalReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
