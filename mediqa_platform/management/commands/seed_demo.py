"""`up --demo` runs this once its services are up: real images, people, a pre-scoring and a first batch."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from annotations.dicom.archives import walk_sources
from annotations.errors import JobAlreadyActive
from annotations.models import Assignment, Image, Job, JobKind, JobState, Project, Role
from annotations.queueing import enqueue_on_commit
from annotations.services.ingestion import Refusal, ingest_sources
from inference.models import Prediction
from inference.services.registry import ensure_baseline
from inference.services.scoring import start_prescoring
from inference.services.selection import select_batch
from mediqa_platform.demo.seeding import Account, image_sources, seed_people, seed_project

POLL_SECONDS = 1.0
REPORT_EVERY = 25
ROLE_NAMES = {Role.READER: "reader", Role.MANAGER: "project manager", Role.ML_ENGINEER: "ML engineer"}


class Command(BaseCommand):
    help = "Fill the demo project; what is there already stays as it is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--address", default="http://127.0.0.1:8000", help="Printed at the end.")

    def handle(self, *args: Any, **options: Any) -> None:
        project = seed_project()
        self._print_accounts(seed_people(project))
        if not Image.objects.in_project(project).exists():
            self._ingest(project)
        if not Assignment.objects.filter(project=project).exists():
            self._prescore(project)
            self._select(project)
        self._print_hints(options["address"], project)

    def _print_accounts(self, accounts: list[Account]) -> None:
        if not accounts:
            return
        self.stdout.write("Accounts of the demo (the passwords are shown only now):")
        for account in accounts:
            roles = ", ".join(ROLE_NAMES[role] for role in account.roles) or "administrator"
            self.stdout.write(f"  {account.username:6} {account.password}   {roles}")

    def _ingest(self, project: Project) -> None:
        self.stdout.write("Taking in the demo's images ...")
        paths = image_sources()
        total = sum(1 for _ in walk_sources(paths))
        sources = walk_sources(paths)
        ingest_sources(project=project, sources=sources, total=total, report=self._report, on_refused=self._refused)
        self.stdout.write(f"Took in {Image.objects.in_project(project).count()} images.")

    def _report(self, *, done: int, total: int, phase: str) -> None:
        if done % REPORT_EVERY == 0 or done == total:
            self.stdout.write(f"{phase}: {done} of {total}")

    def _refused(self, refusal: Refusal) -> None:
        self.stdout.write(f"Refused {refusal.name}: {refusal.detail}")

    def _prescore(self, project: Project) -> None:
        version = ensure_baseline(project=project, now=timezone.now())
        try:
            enqueue_on_commit(start_prescoring(project=project, by=None, now=timezone.now()))
        except JobAlreadyActive:
            self.stdout.write("The sweep began to score them by itself.")
        total = Image.objects.in_project(project).count()
        told = -1
        while pending := Prediction.objects.pending_images(version).count():
            if pending != told:
                self.stdout.write(f"MedIQA has scored {total - pending} of {total} images ...")
            told = pending
            self._fail_with(project)
            time.sleep(POLL_SECONDS)
        self.stdout.write("MedIQA has scored them all.")

    def _fail_with(self, project: Project) -> None:
        latest = Job.objects.filter(project=project, kind=JobKind.PRESCORE).first()
        if latest is not None and latest.state == JobState.FAILED:
            raise CommandError(f"The pre-scoring failed: {latest.message}")

    def _select(self, project: Project) -> None:
        batch = select_batch(project=project, seed=0)
        self.stdout.write(f"Chose {batch.items.count()} images for the first batch.")

    def _print_hints(self, address: str, project: Project) -> None:
        self.stdout.write(
            f"\nThe demo is at {address}\n"
            f"  1. Sign in as anna, open the project and read: digits score, Enter submits, ? shows the keys.\n"
            f"  2. Do the same as ben; then sign in as mara to see progress and agreement.\n"
            f"  3. Sign in as emil, open Models, fine-tune, look at the report and promote the new version.\n"
        )
