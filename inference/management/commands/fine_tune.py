"""`manage.py fine_tune --project SLUG`: retrain the heads on the readers' scores, in this process."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from annotations.errors import DomainError
from annotations.management.commands.ingest import find_project
from annotations.services.jobs import Progress
from inference.engine import engine_for
from inference.management.foreground import EXIT_NOT_BEGUN, run_in_foreground
from inference.mediqa.heads.fitting import HEADS
from inference.models import FineTuneRun, Stage
from inference.services.contracts import CheckpointContent, Reporter
from inference.services.finetuning import start_run
from inference.services.intervals import RANDOM
from inference.services.registry import read_checkpoint, read_shipped
from inference.services.runs import fine_tune_in

SHIPPED = "shipped"


class Command(BaseCommand):
    help = (
        "Fine-tune the model in production on all scores of a project, and compare the two. "
        "Exit code 0: there is a candidate; 2: nothing was begun, for the reason that is printed; 1: it failed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG", help="the project's short name")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--epochs", type=int)
        parser.add_argument("--head", choices=HEADS, help="without it, the scores decide")
        parser.add_argument(
            "--start", metavar="FILE.safetensors",
            help="pre-trained model to put the heads on, or 'shipped' for that of this installation; "
            "without it the encoder of the version in production",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        config = {name: options[name] for name in ("epochs", "head") if options[name] is not None}
        try:
            project, start = find_project(options["project"]), _start(options["start"])
            run = start_run(project=project, by=None, seed=options["seed"], config=config, start=start)
        except DomainError as refused:
            raise CommandError(refused.detail, returncode=EXIT_NOT_BEGUN) from refused
        run_in_foreground(job=run.job, work=fine_tune, stdout=self.stdout)
        run.refresh_from_db()
        self._print(run)

    def _print(self, run: FineTuneRun) -> None:
        versions = run.report["versions"]
        start = f", on the encoder of version {versions['start']}" if "start" in versions else ""
        self.stdout.write(f"Model version {versions['new']}, against version {versions['old']} in production{start}:")
        for key, criterion in run.report["criteria"].items():
            for name, figures in criterion["metrics"].items():
                old, new = (_figure(figures[which]) for which in ("old", "new"))
                self.stdout.write(f"  {key:20} {name.upper():6} {old}  ->  {new}")
        for key, origin in run.report["intervals"].items():
            drawn = ", drawn at random" if origin["from"] == RANDOM else ""
            self.stdout.write(f"Intervals of {key}: from {origin['images']} validation images{drawn}.")
        self.stdout.write(f"Head: {run.report['head']['head']}. {run.report['head']['reason']}")
        self.stdout.write(
            ("Passed: " if run.report["gate"]["passed"] else "Not passed: ") + run.report["gate"]["reason"]
        )
        if run.candidate is not None and run.candidate.stage == Stage.PRODUCTION:
            self.stdout.write("It is in production now, by the project's policy.")


def _start(named: str | None) -> CheckpointContent | None:
    if named is None:
        return None
    return read_shipped() if named == SHIPPED else read_checkpoint(Path(named))


def _figure(interval: dict[str, float | None]) -> str:
    value, lower, upper = interval["value"], interval["lower"], interval["upper"]
    if value is None:
        return "does not exist"
    return f"{value:.3f} [{lower:.3f}, {upper:.3f}]" if lower is not None and upper is not None else f"{value:.3f}"


def fine_tune(progress: Progress, reporter: Reporter) -> None:
    fine_tune_in(progress=progress, load=engine_for, now=timezone.now(), reporter=reporter)
