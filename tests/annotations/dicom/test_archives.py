"""Folders, files and zip archives, the hostile ones included."""

import errno
import os
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from annotations.dicom.archives import (
    ArchiveLimits,
    Source,
    SourceFile,
    SourceRefusal,
    StorageFailed,
    walk_sources,
    walk_upload,
)
from annotations.dicom.refusals import RefusalReason, RefusedFile


def make_zip(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def upload(content: bytes, **limits: int) -> list[Source]:
    return list(walk_upload("a.zip", BytesIO(content), ArchiveLimits(**limits)))


def only_refusal(sources: list[Source]) -> SourceRefusal:
    (found,) = [source for source in sources if isinstance(source, SourceRefusal)]
    return found


def test_walk_sources_reads_folders_in_order_and_passes_hidden_files_over(tmp_path: Path) -> None:
    for name in ("b/2.dcm", "a/1.dcm", ".git/x", "a/.DS_Store", "Thumbs.db", "__MACOSX/y"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    found = [source for source in walk_sources([tmp_path]) if isinstance(source, SourceFile)]
    assert [(source.name, source.read()) for source in found] == [("a/1.dcm", b"a/1.dcm"), ("b/2.dcm", b"b/2.dcm")]


def test_walk_sources_takes_single_files_and_names_paths_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"x")
    file, refusal = walk_sources([tmp_path / "one", tmp_path / "none"])
    assert isinstance(file, SourceFile)
    assert isinstance(refusal, SourceRefusal)
    assert refusal.reason == RefusalReason.UNREADABLE


def test_walk_sources_refuses_pipes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert only_refusal(list(walk_sources([tmp_path]))).reason == RefusalReason.UNREADABLE


def test_zip_members_are_read_with_the_archive_in_their_names(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(make_zip({"s/2": b"two", "s/1": b"one", "__MACOSX/z": b""}))
    found = [(source.name, source.read()) for source in walk_sources([tmp_path]) if isinstance(source, SourceFile)]
    assert found == [("a.zip/s/1", b"one"), ("a.zip/s/2", b"two")]


def test_a_zip_in_a_zip_is_opened_and_one_deeper_is_refused() -> None:
    inner = make_zip({"x": b"x", "deep.zip": make_zip({"y": b"y"})})
    found = list(walk_upload("a.zip", BytesIO(make_zip({"inner.zip": inner}))))
    assert [source.name for source in found] == ["a.zip/inner.zip/deep.zip", "a.zip/inner.zip/x"]
    assert only_refusal(found).reason == RefusalReason.NESTED_ARCHIVE


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "..\\evil", "C:\\evil"])
def test_names_that_point_outside_are_refused_and_the_rest_is_read(name: str) -> None:
    found = upload(make_zip({name: b"evil", "good": b"good"}))
    assert only_refusal(found).reason == RefusalReason.UNSAFE_NAME
    assert [source.name for source in found if isinstance(source, SourceFile)] == ["a.zip/good"]


def test_links_in_archives_are_refused() -> None:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert only_refusal(upload(stream.getvalue())).reason == RefusalReason.UNSAFE_NAME


def test_bombs_are_refused_by_ratio_total_and_count() -> None:
    dense = make_zip({"bomb": bytes(20 * 2**20)})
    assert only_refusal(upload(dense)).reason == RefusalReason.ARCHIVE_BOMB
    many = make_zip({str(index): b"x" for index in range(5)})
    assert only_refusal(upload(many, maximum_members=4)).reason == RefusalReason.ARCHIVE_BOMB
    assert only_refusal(upload(many, maximum_total_bytes=4)).reason == RefusalReason.ARCHIVE_BOMB


def test_a_member_that_lies_about_its_size_is_refused() -> None:
    content = bytearray(make_zip({"x": bytes(range(256)) * 100}))
    for start in (content.index(b"PK\x03\x04") + 22, content.index(b"PK\x01\x02") + 24):
        content[start : start + 4] = (10).to_bytes(4, "little")
    assert only_refusal(upload(bytes(content))).reason == RefusalReason.CORRUPT


def test_encrypted_members_are_refused() -> None:
    content = bytearray(make_zip({"x": b"x"}))
    content[content.index(b"PK\x03\x04") + 6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert only_refusal(upload(bytes(content))).reason == RefusalReason.ENCRYPTED


def test_a_damaged_archive_or_member_never_raises() -> None:
    content = make_zip({"x": b"hello" * 100, "y": b"y"}, zipfile.ZIP_STORED)
    assert only_refusal(upload(content[:-30])).reason == RefusalReason.CORRUPT
    damaged = BytesIO(content.replace(b"hellohello", b"jellojello", 1))
    found = [one.read() if isinstance(one, SourceFile) else one.reason for one in walk_upload("a.zip", damaged)]
    assert found == [RefusalReason.CORRUPT, b"y"]


def test_damage_deep_in_a_large_member_is_found_when_it_is_read() -> None:
    content = bytearray(make_zip({"x": bytes(2**20)}, zipfile.ZIP_STORED))
    content[2**19] = 1
    source = next(walk_upload("a.zip", BytesIO(content)))
    assert isinstance(source, SourceFile)
    with pytest.raises(RefusedFile) as caught:
        source.read()
    assert caught.value.reason == RefusalReason.CORRUPT


def test_walk_upload_takes_a_plain_file() -> None:
    (source,) = walk_upload("x.dcm", BytesIO(b"content"))
    assert isinstance(source, SourceFile)
    assert (source.size, source.read()) == (7, b"content")
    assert list(walk_upload("a/.DS_Store", BytesIO(b"x"))) == []


class FailingDisk(BytesIO):
    """Fails as a disk or a network share does, once the directory of the archive has been read."""

    is_away = False

    def read(self, size: int | None = -1, /) -> bytes:
        if self.is_away:
            raise OSError(errno.EIO, "Input/output error")
        return super().read(size)


def test_storage_that_fails_is_no_damage_of_the_archive() -> None:
    disk = FailingDisk(make_zip({"one": b"1" * 100, "two": b"2" * 100}))
    sources = walk_upload("a.zip", disk)
    first = next(sources)
    assert isinstance(first, SourceFile)
    disk.is_away = True
    with pytest.raises(StorageFailed):
        first.read()
    with pytest.raises(StorageFailed):
        next(sources)


def test_storage_that_fails_at_once_is_no_damage_either() -> None:
    disk = FailingDisk(make_zip({"one": b"1"}))
    disk.is_away = True
    with pytest.raises(StorageFailed):
        next(walk_upload("a.zip", disk))


def test_a_dicomdir_stands_for_the_files_that_it_lists() -> None:
    directory = Path(str(get_testdata_file("DICOMDIR")))
    found = list(walk_sources([directory]))
    files = [source for source in found if isinstance(source, SourceFile)]
    assert len(files) == 31  # pydicom's test set lists 31 images of two patients
    assert all(source.read()[128:132] == b"DICM" for source in files[:3])
    assert [source for source in found if isinstance(source, SourceRefusal)] == []


def test_files_that_a_dicomdir_lists_and_that_are_not_there_are_named(tmp_path: Path) -> None:
    copy = tmp_path / "DICOMDIR"
    copy.write_bytes(Path(str(get_testdata_file("DICOMDIR"))).read_bytes())
    found = list(walk_sources([copy]))
    assert len(found) == 31
    assert {type(source) for source in found} == {SourceRefusal}
    assert all("is not there" in source.detail for source in found if isinstance(source, SourceRefusal))


def test_a_dicomdir_leads_out_of_its_folder_never(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "medium").mkdir()
    directory = dcmread(str(get_testdata_file("DICOMDIR")))
    for record in directory.DirectoryRecordSequence:
        if "ReferencedFileID" in record:
            record.ReferencedFileID = ["..", "secret"]
    directory.save_as(tmp_path / "medium" / "DICOMDIR")
    (refusal,) = walk_sources([tmp_path / "medium" / "DICOMDIR"])
    assert isinstance(refusal, SourceRefusal)


def test_a_damaged_dicomdir_is_refused(tmp_path: Path) -> None:
    whole = Path(str(get_testdata_file("DICOMDIR"))).read_bytes()
    (tmp_path / "DICOMDIR").write_bytes(whole[:600])
    assert only_refusal(list(walk_sources([tmp_path / "DICOMDIR"]))).name == "DICOMDIR"
