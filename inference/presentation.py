"""A run's report in the shapes that its page wants: tables for people, series for the charts."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from inference.models import FineTuneRun
from inference.services.intervals import LEAST_IMAGES, RANDOM

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
            "intervals": _origin_of_intervals(run.report.get("intervals", {}).get(criterion)),
            "rows": [{"name": METRIC_NAMES[key], **report["metrics"][key]} for key in METRIC_NAMES],
        }
        for criterion, report in run.report.get("criteria", {}).items()
    ]


def _origin_of_intervals(origin: dict[str, Any] | None) -> str:
    """In a sentence; "" where the report does not say, or where the Criterion was not learnt."""
    if origin is None:
        return ""
    count = origin["images"]
    if origin["from"] == RANDOM:
        said = ngettext(
            "Intervals are calibrated on %(count)s validation image that was drawn at random.",
            "Intervals are calibrated on %(count)s validation images that were drawn at random.",
            count,
        )
    elif count >= LEAST_IMAGES:
        said = ngettext(
            "Intervals are calibrated on the %(count)s validation image: fewer than %(least)s were drawn at random.",
            "Intervals are calibrated on all %(count)s validation images: "
            "fewer than %(least)s of them were drawn at random.",
            count,
        )
    else:
        said = ngettext(
            "Intervals are rough: %(count)s validation image has a score, and calibrating them takes %(least)s.",
            "Intervals are rough: %(count)s validation images have scores, and calibrating them takes %(least)s.",
            count,
        )
    return said % {"count": count, "least": LEAST_IMAGES}


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
