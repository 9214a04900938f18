"""Objects in a folder are there whole or not at all."""

from pathlib import Path

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile

from mediqa_platform.object_storage import ObjectFolder


class Breaking(ContentFile):
    def chunks(self, chunk_size: int | None = None):
        yield b"half"
        raise OSError("No space left on device")


def test_object_is_stored_under_its_name_and_replaced(tmp_path: Path) -> None:
    storage = ObjectFolder(location=str(tmp_path))
    assert storage.save("frames/ab/1", ContentFile(b"one")) == "frames/ab/1"
    assert storage.save("frames/ab/1", ContentFile(b"other")) == "frames/ab/1"
    assert (tmp_path / "frames" / "ab" / "1").read_bytes() == b"other"


def test_write_that_breaks_off_leaves_no_name_behind(tmp_path: Path) -> None:
    storage = ObjectFolder(location=str(tmp_path))
    with pytest.raises(OSError, match="No space"):
        storage.save("a", Breaking(b"whole"))
    assert list(tmp_path.iterdir()) == []


def test_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SuspiciousFileOperation):
        ObjectFolder(location=str(tmp_path / "objects")).save("../evil", ContentFile(b""))
