from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from annotations.models.project import Project

COMMON_FINDING_TYPES = (
    "Noise",
    "Motion",
    "Metal or streak",
    "Ring or band",
    "Aliasing or wrap",
    "Ghosting",
    "Blur",
    "Exposure",
    "Cut off",
    "Other",
)

MOST_LEVELS = 11  # that are shown one below the other


def common_finding_types() -> list[str]:
    return list(COMMON_FINDING_TYPES)


class RubricQuerySet(models.QuerySet["Rubric"]):
    def current(self, project: Project) -> Rubric | None:
        """The newest version; older ones stay for the Readings made with them."""
        return self.filter(project=project).order_by("-version").first()


class Rubric(models.Model):
    """What a reader is asked. Never edited once read with: a change is a new version."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="rubrics")
    version = models.PositiveIntegerField(default=1)
    finding_types = models.JSONField(
        default=common_finding_types, blank=True, help_text="Kinds of artefact that a finding can be; texts."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = RubricQuerySet.as_manager()

    class Meta:
        ordering = ["project", "-version"]
        constraints = [models.UniqueConstraint(fields=["project", "version"], name="rubric_version_unique")]

    def __str__(self) -> str:
        return f"{self.project}, rubric version {self.version}"


class CriterionQuerySet(models.QuerySet["Criterion"]):
    def on_the_scale_of(self, criterion: Criterion) -> CriterionQuerySet:
        """The Criterion in all versions of its Rubric that left its question and scale as they are."""
        return self.filter(
            rubric__project=criterion.rubric.project_id,
            key=criterion.key,
            question=criterion.question,
            minimum=criterion.minimum,
            maximum=criterion.maximum,
            step=criterion.step,
            is_higher_better=criterion.is_higher_better,
        )

    def asking_the_same_as(self, criterion: Criterion) -> CriterionQuerySet:
        """Of these, the versions that left the anchor texts as they are too."""
        return self.on_the_scale_of(criterion).filter(anchors=criterion.anchors)


class Criterion(models.Model):
    """One question on a stepped scale, for instance 0 to 4 by 1 (a five-point Likert scale).

    The end of the scale that is better, and one anchor text for each level, are part of the question.
    """

    rubric = models.ForeignKey(Rubric, on_delete=models.CASCADE, related_name="criteria")
    key = models.SlugField(max_length=40)
    question = models.CharField(max_length=200)
    position = models.PositiveSmallIntegerField(default=0)
    minimum = models.FloatField(default=0)
    maximum = models.FloatField(default=4)
    step = models.FloatField(default=1)
    is_higher_better = models.BooleanField(default=True)
    anchors = models.JSONField(
        default=list, blank=True, help_text='One text for each level: [{"value": 0, "text": "Bad"}, ...]'
    )

    objects = CriterionQuerySet.as_manager()

    class Meta:
        ordering = ["rubric", "position", "pk"]
        verbose_name_plural = "criteria"
        constraints = [
            models.UniqueConstraint(fields=["rubric", "key"], name="criterion_key_unique"),
            models.CheckConstraint(condition=Q(maximum__gt=F("minimum")), name="criterion_scale_not_empty"),
            models.CheckConstraint(condition=Q(step__gt=0), name="criterion_step_positive"),
        ]

    def __str__(self) -> str:
        return self.question

    def admits(self, value: float) -> bool:
        """Whether the value is one of the scale's levels."""
        levels = (value - self.minimum) / self.step
        return self.minimum <= value <= self.maximum and abs(levels - round(levels)) < 1e-6

    def anchor_text(self, value: float) -> str:
        """What the level means, in words; empty where nothing was written."""
        return next((anchor["text"] for anchor in self.anchors if anchor["value"] == value), "")

    @property
    def level_count(self) -> int:
        return round((self.maximum - self.minimum) / self.step) + 1

    @property
    def has_short_scale(self) -> bool:
        """Whether all levels are shown, one below the other."""
        return self.level_count <= MOST_LEVELS

    @property
    def levels(self) -> list[float]:
        """All levels of a short scale; of a long one those with a text."""
        if self.has_short_scale:  # rounded as the reading room does: 0.1 * 3 is no 0.3, which is what readers say
            return [round(self.minimum + index * self.step, 6) for index in range(self.level_count)]
        return sorted(float(anchor["value"]) for anchor in self.anchors if self.admits(anchor["value"]))
