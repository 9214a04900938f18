"""One file of any kind that is taken, to Datasets."""

from pydicom import Dataset

from annotations.dicom.parsing import is_dicom, read_dataset
from annotations.dicom.rasters import raster_reader
from annotations.dicom.refusals import RefusalReason, RefusedFile


def load_datasets(content: bytes, *, needs_uids: bool = True) -> list[Dataset]:
    """The image Datasets of a file: one for DICOM, one or more for PNG, JPEG, TIFF and NIfTI.

    The kind is told from the content. `needs_uids`: see `read_dataset`. Raises RefusedFile, and nothing else.
    """
    if not content:
        raise RefusedFile(RefusalReason.EMPTY, "The file is empty.")
    reader = None if content[128:132] == b"DICM" else raster_reader(content)
    if reader is not None:
        return reader(content)
    if not is_dicom(content):
        raise RefusedFile(RefusalReason.NOT_AN_IMAGE_FILE, "This is neither DICOM nor PNG, JPEG, TIFF or NIfTI.")
    return [read_dataset(content, needs_uids=needs_uids)]
