"""A Project with Images and open Assignments, for tests of the reading room."""

from collections.abc import Sequence
from pathlib import Path

from tests.e2e.product import Product

ASK_FOR_READINGS = """
import uuid
from annotations.models import Image, Project
from annotations.services.assignments import AssignmentRequest, request_assignments
project = Project.objects.get(slug={slug!r})
images = Image.objects.in_project(project).order_by("series__study__study_instance_uid", "pk")
stacks_first = sorted(images, key=lambda image: (image.dimension != "3D", image.pk))
requests = [AssignmentRequest(image.pk, "random", rank) for rank, image in enumerate(stacks_first)]
request_assignments(project=project, request_key=uuid.uuid4(), requests=requests)
"""


def furnish(
    product: Product, slug: str, files: Sequence[Path], *, readers: Sequence[str], overlap: int = 2, **policy: object
) -> None:
    """The Images of the files, stacks first, for readers named here."""
    product.add_project(slug, overlap=overlap, **policy)
    for username in readers:
        product.add_person(username, slug, "reader")
    product.manage("ingest", *map(str, files), "--project", slug)
    product.manage("shell", "--no-imports", "-c", ASK_FOR_READINGS.format(slug=slug))
