"""One file's way in: its objects into storage first, then its rows. A crash in between leaves no half-written row."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from io import BytesIO
from typing import Any, TypeVar, cast

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from numpy.typing import NDArray
from pydicom import Dataset, dcmwrite

from annotations.dicom import tags
from annotations.dicom.dicomjson import metadata
from annotations.dicom.frames import FrameFormat, decode_frames, encode_frame, frame_format
from annotations.dicom.overlays import read_overlays
from annotations.dicom.parsing import is_dicom
from annotations.dicom.physical import extract_physical_parameters
from annotations.dicom.refusals import RefusalReason, RefusedFile
from annotations.dicom.slices import slice_headers
from annotations.dicom.windows import display_settings
from annotations.errors import ConflictingInstance
from annotations.models import Instance, PhysicalParameters, Project, ProjectInstance, Series, Study
from annotations.models.imaging import frame_name, original_name, source_name
from annotations.services.objects import put_object

T = TypeVar("T")
LARGEST_INTEGER = 2**31 - 1


@dataclass(frozen=True)
class StoredInstance:
    """An Instance whose objects lie in storage: the fields of the rows to be. No pixels, no identifiers."""

    study: dict[str, Any]
    series: dict[str, Any]
    instance: dict[str, Any]
    physical_parameters: dict[str, Any]

    @property
    def sop_instance_uid(self) -> str:
        return str(self.instance["sop_instance_uid"])


def store_objects(content: bytes, datasets: Sequence[Dataset]) -> list[StoredInstance]:
    """Store a file's original bytes and frames. Touches no row, so that threads may do it.

    Raises:
        RefusedFile: its pixels cannot be decoded; nothing of it is left in storage.
        OSError: the storage cannot take it.
    """
    if is_dicom(content):
        return [_store_instance(content, datasets[0], source_sha256="")]
    source_sha256 = hashlib.sha256(content).hexdigest()
    stored = [_store_instance(_serialise(dataset), dataset, source_sha256) for dataset in datasets]
    put_object(name=source_name(source_sha256), content=content)
    return stored


def _serialise(dataset: Dataset) -> bytes:
    stream = BytesIO()
    dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()


def _store_instance(content: bytes, dataset: Dataset, source_sha256: str) -> StoredInstance:
    sha256 = hashlib.sha256(content).hexdigest()
    stored_format = frame_format(dataset)
    middle_index = stored_format.frame_count // 2
    middle = _store_frames(sha256, dataset, stored_format, middle_index)
    put_object(name=original_name(sha256), content=content)
    identity = {"sha256": sha256, "source_sha256": source_sha256, "byte_size": len(content)}
    display = display_settings(dataset, stored_format, [middle], [middle_index])
    return StoredInstance(
        study=_study_fields(dataset),
        series=_series_fields(dataset),
        instance=_storable(identity | _instance_fields(dataset, stored_format) | {"display": display.to_json()})
        | header_fields(dataset, stored_format),
        physical_parameters=physical_fields(dataset),
    )


def _store_frames(sha256: str, dataset: Dataset, stored_format: FrameFormat, kept: int) -> NDArray[Any]:
    """Store every frame; the one with the index `kept` is returned as well."""
    written: list[str] = []
    kept_frame: NDArray[Any] | None = None
    try:
        for index, frame in enumerate(decode_frames(dataset, stored_format)):
            written.append(frame_name(sha256, index + 1))
            put_object(name=written[-1], content=encode_frame(frame))
            kept_frame = frame if index == kept else kept_frame
        if kept_frame is None or len(written) != stored_format.frame_count:
            raise RefusedFile(RefusalReason.TRUNCATED, "The pixel data hold fewer frames than the header says.")
    except Exception:
        for name in written:
            default_storage.delete(name)
        raise
    return kept_frame


def _study_fields(dataset: Dataset) -> dict[str, Any]:
    return _storable(
        {
            "study_instance_uid": tags.text(dataset, "StudyInstanceUID"),
            "patient_key": patient_key(dataset),
            "study_date": _date(tags.text(dataset, "StudyDate")),
            "description": tags.text(dataset, "StudyDescription")[:64],
        }
    )


def _series_fields(dataset: Dataset) -> dict[str, Any]:
    return _storable(
        {
            "series_instance_uid": tags.text(dataset, "SeriesInstanceUID"),
            "modality": (tags.text(dataset, "Modality").upper() or "OT")[:16],
            "series_number": _small_integer(dataset, "SeriesNumber"),
            "description": tags.text(dataset, "SeriesDescription")[:64],
            "body_part_examined": tags.text(dataset, "BodyPartExamined").upper()[:16],
        }
    )


def _instance_fields(dataset: Dataset, stored_format: FrameFormat) -> dict[str, Any]:
    return {
        "sop_instance_uid": tags.text(dataset, "SOPInstanceUID"),
        "sop_class_uid": tags.text(dataset, "SOPClassUID")[:64],
        "transfer_syntax_uid": str(dataset.file_meta.TransferSyntaxUID)[:64],
        "instance_number": _small_integer(dataset, "InstanceNumber"),
        "rows": stored_format.rows,
        "columns": stored_format.columns,
        "frame_count": stored_format.frame_count,
        "frame_format": stored_format.to_json(),
        "slice_headers": [header.to_json() for header in slice_headers(dataset)],
    }


def header_fields(dataset: Dataset, stored_format: FrameFormat) -> dict[str, Any]:
    """What of an Instance's row neither its frames, nor their first window, nor the making of Images depend on."""
    return _storable({"metadata": metadata(dataset, stored_format), "overlays": read_overlays(dataset)})


def physical_fields(dataset: Dataset) -> dict[str, Any]:
    return _storable(_shortened(asdict(extract_physical_parameters(dataset))))


def patient_key(dataset: Dataset) -> str:
    """A keyed hash of the patient's identifier and its issuer; of the Study's UID where there is no identifier.

    It keeps a patient's Studies together (splits of data go by patient) and names nobody without the secret.
    """
    patient_id = tags.text(dataset, "PatientID")
    issuer = tags.text(dataset, "IssuerOfPatientID")
    identity = f"patient|{issuer}|{patient_id}" if patient_id else f"study|{tags.text(dataset, 'StudyInstanceUID')}"
    return hmac.new(settings.PATIENT_KEY_SECRET.encode(), identity.encode("utf-8", "replace"), "sha256").hexdigest()


def _date(text: str) -> date | None:
    """A DICOM date (PS3.5 6.2, DA), with the dots of ACR-NEMA too."""
    try:
        return datetime.strptime(text.replace(".", "")[:8], "%Y%m%d").date()
    except ValueError:
        return None


def _small_integer(dataset: Dataset, keyword: str) -> int | None:
    found = tags.integer(dataset, keyword)
    return found if found is not None and abs(found) <= LARGEST_INTEGER else None


def _shortened(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value[:64] if isinstance(value, str) else value for name, value in fields.items()}


def _storable(value: T) -> T:
    """Without what PostgreSQL takes into no text: zero characters and halves of surrogate pairs."""
    return cast(T, _without_odd_characters(value))


def _without_odd_characters(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "ignore").decode()
    if isinstance(value, dict):
        return {key: _without_odd_characters(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_odd_characters(one) for one in value]
    return value


@transaction.atomic
def record_instances(*, project: Project, stored: Sequence[StoredInstance]) -> list[tuple[Instance, bool]]:
    """Write the rows of one file: all or none. Each Instance comes with whether the Project had it not before.

    The commit does not wait for the disk: a power cut may undo the last files, as if they had not been read yet. The
    commit of `group_series`, which ends an ingest, waits for it and for all before it.

    Raises:
        ConflictingInstance: another object was taken before under the same UID.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit TO off")
    return [take_instance(project=project, instance=_get_or_create_instance(one)) for one in stored]


def take_instance(*, project: Project, instance: Instance) -> tuple[Instance, bool]:
    """Note that the Project has this Instance; True when it is new to the Project."""
    _of_project, is_new = ProjectInstance.objects.get_or_create(project=project, instance=instance)
    return instance, is_new


def _get_or_create_instance(stored: StoredInstance) -> Instance:
    study, _known = Study.objects.get_or_create(
        study_instance_uid=stored.study["study_instance_uid"], defaults=stored.study
    )
    series, _known = Series.objects.get_or_create(
        series_instance_uid=stored.series["series_instance_uid"], defaults=stored.series | {"study": study}
    )
    if series.study_id != study.pk:
        raise ConflictingInstance(_("Its series was taken before as part of another study. The first one stays."))
    instance, is_new = Instance.objects.get_or_create(
        sop_instance_uid=stored.sop_instance_uid, defaults=stored.instance | {"series": series}
    )
    if is_new:
        PhysicalParameters.objects.create(instance=instance, **stored.physical_parameters)
    elif not is_same_object(instance, stored.instance["sha256"], stored.instance["source_sha256"]):
        raise ConflictingInstance
    return instance


def is_same_object(instance: Instance, sha256: str, source_sha256: str) -> bool:
    """Whether these bytes, or the file that was wrapped, are those of the Instance."""
    return instance.sha256 == sha256 or (bool(source_sha256) and instance.source_sha256 == source_sha256)


def known_instances(sha256: str) -> list[Instance]:
    """The Instances that a file with these bytes has given before."""
    same = Q(sha256=sha256) | Q(source_sha256=sha256)
    return list(Instance.objects.filter(same).select_related("series").order_by("pk"))


def are_stored(instances: Sequence[Instance]) -> bool:
    """Whether the original and the frames of all of them lie in storage; what was lost is stored again."""
    return all(default_storage.exists(name) for one in instances for name in one.object_names())


def has_conflict(sha256: str, datasets: Sequence[Dataset]) -> bool:
    """Whether a UID of the file's objects was taken by a file with other bytes."""
    uids = [tags.text(dataset, "SOPInstanceUID") for dataset in datasets]
    same = Q(sha256=sha256) | Q(source_sha256=sha256)
    return Instance.objects.filter(sop_instance_uid__in=uids).exclude(same).exists()
