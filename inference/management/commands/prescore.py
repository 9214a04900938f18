"""`manage.py prescore --project SLUG`: the production model on every Image that it has not scored, in this process."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from annotations.errors import DomainError
from annotations.management.commands.ingest import find_project
from annotations.models import Job, JobKind, Project
from annotations.services.jobs import Progress
from inference.engine import engine_for
from inference.management.foreground import EXIT_NOT_BEGUN, EXIT_REFUSED_SOME, run_in_foreground
from inference.models import ModelVersion, ScoringRefusal
from inference.services.contracts import Reporter
from inference.services.runs import prescore_in
from inference.services.scoring import start_prescoring


class Command(BaseCommand):
    help = (
        "Score all images of a project that the model in production has not scored. "
        "Exit code 0: all are scored; 3: some cannot be scored, each with its reason; 2: nothing was begun; "
        "1: it failed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG", help="the project's short name")

    def handle(self, *args: Any, **options: Any) -> None:
        project = find_project(options["project"])
        job = run_in_foreground(job=own_or_active_job(project), work=prescore, stdout=self.stdout)
        self.stdout.write(f"Scored {job.result.get('scored', 0)} images.")
        self._print_refusals(project)

    def _print_refusals(self, project: Project) -> None:
        production = ModelVersion.objects.production(project)
        refusals = ScoringRefusal.objects.filter(model_version=production).order_by("image_id")
        for refusal in refusals:
            self.stdout.write(f"Image {refusal.image_id} cannot be scored: {refusal.detail}")
        if refusals:
            sys.exit(EXIT_REFUSED_SOME)


def own_or_active_job(project: Project) -> Job:
    active = Job.objects.active().filter(project=project, kind=JobKind.PRESCORE).first()
    try:
        return active or start_prescoring(project=project, by=None, now=timezone.now())
    except DomainError as refused:
        raise CommandError(refused.detail, returncode=EXIT_NOT_BEGUN) from refused


def prescore(progress: Progress, reporter: Reporter) -> None:
    prescore_in(progress=progress, load=engine_for, now=timezone.now(), reporter=reporter)
