"""Image files without Django: parsing, stacks, frames, windows, physical parameters, DICOM JSON.

Nothing here knows of the database. Importing the package quiets the readers that it uses: their warnings quote the
values of elements, and an element may name a patient.
"""

import logging
import warnings

from pydicom import config

config.settings.reading_validation_mode = config.IGNORE
for _name in ("pydicom", "tifffile", "nibabel"):
    logging.getLogger(_name).addHandler(logging.NullHandler())
    logging.getLogger(_name).propagate = False
logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)  # it has a handler of its own
warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")
