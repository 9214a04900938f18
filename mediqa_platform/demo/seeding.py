"""The demo project: people, a rubric, real images. Done again, it changes nothing that people did."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import data_store
from pydicom.data import get_testdata_file

from annotations.models import Membership, Project, Role, User
from annotations.services.projects import create_project

SLUG = "demo"
BATCH_SIZE = 16

# One object of each image; the same image in a second transfer syntax would be a conflict or a duplicate.
PYDICOM_DATA = (
    "693_UNCI.dcm",  # CT head, explicit little endian
    "explicit_VR-UN.dcm",  # CT abdomen, JPEG 2000 lossless
    "eCT_Supplemental.dcm",  # CT, enhanced multi-frame
    "MR-SIEMENS-DICOM-WithOverlays.dcm",  # MR abdomen, explicit little endian
    "MR2_J2KR.dcm",  # MR shoulder, JPEG 2000 lossless
    "emri_small_jpeg_ls_lossless.dcm",  # MR, enhanced multi-frame, JPEG-LS
    "RG1_J2KI.dcm",  # radiograph of the chest, JPEG 2000
    "RG3_J2KR.dcm",  # radiograph of the forearm, JPEG 2000 lossless
    "US1_J2KR.dcm",  # ultrasound, JPEG 2000 lossless
    "OBXXXX1A_rle.dcm",  # ultrasound, RLE, palette colour
    "JPEG-LL.dcm",  # nuclear medicine, JPEG lossless
)
PYDICOM_TEST_FILES = ("CT_small.dcm", "MR_small_bigendian.dcm", "J2K_pixelrep_mismatch.dcm", "examples_ybr_color.dcm")

PEOPLE = {
    "anna": (Role.READER,),
    "ben": (Role.READER,),
    "mara": (Role.MANAGER,),
    "emil": (Role.ML_ENGINEER,),
}


@dataclass(frozen=True)
class Account:
    username: str
    roles: tuple[Role, ...]
    password: str


def image_sources() -> list[Path]:
    """The archives that ship with the project, and the files that pydicom's packages bring."""
    shipped = sorted(Path(str(files("mediqa_platform.demo") / "images")).glob("*.zip"))
    store = Path(next(iter(data_store.__path__))) / "data"
    brought = [store / name for name in PYDICOM_DATA]
    tests = [Path(found) for name in PYDICOM_TEST_FILES if (found := get_testdata_file(name, download=False))]
    return [*shipped, *brought, *tests]


def seed_project() -> Project:
    existing = Project.objects.filter(slug=SLUG).first()
    return existing or create_project(
        name="Demo: image quality",
        slug=SLUG,
        creator=None,
        overlap=2,
        batch_size=BATCH_SIZE,
        description="Real CT, MR, X-ray and ultrasound images. Each is read by two readers.",
    )


def seed_people(project: Project) -> list[Account]:
    """Make the accounts that are missing, and return these with their passwords: nobody will see them again."""
    made = [_make(project, username, roles) for username, roles in PEOPLE.items() if not _exists(username)]
    if not _exists("admin"):
        made.append(_make(project, "admin", (), is_superuser=True))
    return made


def _exists(username: str) -> bool:
    return User.objects.filter(username=username).exists()


def _make(project: Project, username: str, roles: tuple[Role, ...], *, is_superuser: bool = False) -> Account:
    password = secrets.token_urlsafe(9)
    create = User.objects.create_superuser if is_superuser else User.objects.create_user
    user = create(username, password=password)
    for role in roles:
        Membership.objects.create(project=project, user=user, role=role)
    return Account(username, roles, password)
