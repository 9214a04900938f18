"""DICOM and other image files, without Django: parsing, stacks, frames, windows, physical parameters, DICOM
JSON.

Nothing here knows of the database. Importing the package quiets pydicom: its warnings quote element values,
and an
element value may name a patient.
"""

import logging
import warnings

from pydicom import config

config.settings.reading_validation_mode = config.IGNORE
logging.getLogger("pydicom").addHandler(logging.NullHandler())
logging.getLogger("pydicom").propagate = False
warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")
