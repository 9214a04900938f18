"""A run's report in the shapes that its page wants: tables for people, series for the charts."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from inference.models import FineTuneRun

METRIC_NAMES = {
    "plcc": _("PLCC (linear correlation)"),
    "srocc": _("SROCC (rank correlation)"),
    "krocc": _("KROCC (pairwise order)"),
    "rmse": _("RMSE (in levels)"),
    "mae": _("MAE (in levels)"),
}


def report_tables(run: FineTuneRun) -> list[dict[str, Any]]:
    """One table a Criterion: each metric for the old and the new version, and their difference, with intervals."""
    return [
        {
            "question": report["question"],
            "test_images": report["test_images"],
            "test_patients": report.get("test_patients"),  # reports of version 0.1 have none
            "rows": [{"name": METRIC_NAMES[key], **report["metrics"][key]} for key in METRIC_NAMES],
        }
        for report in run.report.get("criteria", {}).values()
    ]


def report_config(run: FineTuneRun) -> dict[str, Any]:
    """For the charts: see frontend/src/features/charts."""
    run_url = reverse("fine-tune-run-detail", kwargs={"pk": run.pk})
    return {
        "run_url": None if run.job.is_final else run_url,
        "loss": [[step, loss] for _, step, loss in run.loss_history],
        "criteria": [_criterion(key, report) for key, report in run.report.get("criteria", {}).items()],
    }


def _criterion(key: str, report: dict[str, Any]) -> dict[str, Any]:
    return {
        "criterion": {
            "key": key,
            "question": report["question"],
            "minimum": report["minimum"],
            "maximum": report["maximum"],
        },
        "production": {"points": [[point["consensus"], point["old"], None] for point in report["scatter"]]},
        "candidate": {"points": [[point["consensus"], point["new"], None] for point in report["scatter"]]},
        "calibration": {
            "production": [[point["nominal"], point["observed"]] for point in report["calibration"]["old"]],
            "candidate": [[point["nominal"], point["observed"]] for point in report["calibration"]["new"]],
        },
    }
