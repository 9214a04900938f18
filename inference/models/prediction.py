from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from annotations.models import Criterion, Image, Project, User, fed_back_to, unblinded_for
from annotations.models.imaging import ImageQuerySet
from inference.models.model_version import ModelVersion


class PredictionQuerySet(models.QuerySet["Prediction"]):
    def visible_to(self, user: User | AnonymousUser) -> PredictionQuerySet:
        """Blinding as for other people's Readings: see `annotations.models.unblinded_for`."""
        return self.filter(unblinded_for(user)) if user.is_authenticated else self.none()

    def fed_back_to(self, user: User) -> PredictionQuerySet:
        """Of the reader's own submitted Images, where the Project shows it: see `annotations.models.fed_back_to`."""
        return self.filter(fed_back_to(user))

    def pending_images(self, version: ModelVersion) -> ImageQuerySet:
        """Images of the version's Project that it has neither scored nor refused: what pre-scoring has left to do."""
        scored = Prediction.objects.filter(model_version=version, image=OuterRef("pk"))
        refused = ScoringRefusal.objects.filter(model_version=version, image=OuterRef("pk"))
        return Image.objects.in_project(version.project).filter(~Exists(scored), ~Exists(refused)).order_by("pk")


class Prediction(models.Model):
    """One ModelVersion on one Image. Always a model; never overwritten."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="predictions")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="predictions")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="predictions")
    prompt = models.JSONField(help_text="Dimension, modality, region and image type, as the network was told.")
    prompt_provenance = models.JSONField(help_text="Where each factor of the prompt came from.")
    prompt_confidence = models.JSONField(
        default=dict, help_text="Of each factor: 1 where it was said, the classifier's probability, 0 unknown."
    )
    slice_indices = models.JSONField(help_text="The salient slices that were scored.")
    slice_weights = models.JSONField(help_text="The weight of each of these slices; they add up to 1.")
    patch_weights = models.JSONField(
        default=list,
        help_text="Of each salient slice its tiles: a box in pixels, and what each patch counts for.",
    )
    physical = models.JSONField(default=dict, help_text="Predicted physical parameters, units in the names.")
    ood_distance = models.FloatField(help_text="Distance to the training features; larger is stranger.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PredictionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["model_version", "image"], name="prediction_once_per_version")]

    def __str__(self) -> str:
        return f"Prediction of version {self.model_version_id} on image {self.image_id}"


class CriterionPrediction(models.Model):
    """The predicted quality on one Criterion's scale, with its uncertainty in the same units."""

    prediction = models.ForeignKey(Prediction, on_delete=models.CASCADE, related_name="criteria")
    criterion = models.ForeignKey(Criterion, on_delete=models.PROTECT, related_name="predictions")
    quality = models.FloatField()
    epistemic_std = models.FloatField()
    aleatoric_std = models.FloatField()
    lower = models.FloatField(help_text="Of the 90 % interval.")
    upper = models.FloatField()
    is_prior = models.BooleanField(help_text="No expert score stands behind it yet.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["prediction", "criterion"], name="criterionprediction_once"),
            models.CheckConstraint(
                condition=Q(epistemic_std__gte=0, aleatoric_std__gte=0), name="criterionprediction_std_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(lower__lte=F("quality"), upper__gte=F("quality")),
                name="criterionprediction_interval_holds_quality",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.criterion.key}: {self.quality:.2f}"


class ScoringRefusalQuerySet(models.QuerySet["ScoringRefusal"]):
    def visible_to(self, user: User | AnonymousUser) -> ScoringRefusalQuerySet:
        """Blinding as for Predictions: that a model could not score an Image tells something of its quality."""
        return self.filter(unblinded_for(user)) if user.is_authenticated else self.none()


class ScoringRefusal(models.Model):
    """Why a ModelVersion could not score an Image. Stands in a Prediction's place, so that the rest goes on."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="scoring_refusals")
    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="scoring_refusals")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="scoring_refusals")
    reason = models.CharField(max_length=60)
    detail = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ScoringRefusalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["model_version", "image"], name="scoringrefusal_once_per_version")
        ]

    def __str__(self) -> str:
        return f"Image {self.image_id} not scored: {self.reason}"
