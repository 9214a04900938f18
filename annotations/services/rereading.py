"""Stored originals read again, for what newer versions take from a file and older ones did not."""

from __future__ import annotations

import hashlib
from typing import Any

from django.db import transaction
from pydicom import Dataset

from annotations.dicom.frames import FrameFormat
from annotations.dicom.parsing import read_dataset
from annotations.models import Instance, PhysicalParameters
from annotations.services.instances import header_fields, physical_fields
from annotations.services.objects import ObjectDamaged, get_object


def reread_instance(*, instance: Instance) -> bool:
    """Bring metadata and overlays up to date and fill in empty physical parameters; True when anything changed.

    Frames, windows and the making of Images stay as they are: readings were made with them.

    Raises:
        ObjectMissing, ObjectDamaged: the original is not in storage, or is not what was put there.
        RefusedFile: it would not be taken in any more.
        OSError: the storage cannot read it.
    """
    content = get_object(instance.original_name)
    if hashlib.sha256(content).hexdigest() != instance.sha256:
        raise ObjectDamaged(f"{instance.original_name} is damaged.")
    dataset = read_dataset(content)
    found = header_fields(dataset, FrameFormat.from_json(instance.frame_format))
    changed = {name: value for name, value in found.items() if getattr(instance, name) != value}
    with transaction.atomic():
        if changed:
            Instance.objects.filter(pk=instance.pk).update(**changed)
        return _fill_physical_parameters(instance, dataset) or bool(changed)


def _fill_physical_parameters(instance: Instance, dataset: Dataset) -> bool:
    stored, is_new = PhysicalParameters.objects.get_or_create(instance=instance)
    found = physical_fields(dataset).items()
    filled: dict[str, Any] = {
        name: value for name, value in found if value not in (None, "") and getattr(stored, name) in (None, "")
    }
    if filled:
        PhysicalParameters.objects.filter(pk=instance.pk).update(**filled)
    return is_new or bool(filled)
