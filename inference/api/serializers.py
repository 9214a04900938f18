"""The shapes of what the model side says."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotations.api.jobs import JobSerializer
from annotations.models import Project
from inference.models import (
    AcquisitionBatch,
    AcquisitionItem,
    CriterionPrediction,
    FineTuneRun,
    ModelVersion,
    Prediction,
    Strategy,
)
from inference.services.levels import LevelChance, level_chances
from inference.services.selection import LARGEST_BATCH


class SelectionRequestSerializer(serializers.Serializer[Any]):
    """What is left out is the Project's setting; without a seed it is the number of batches so far."""

    size = serializers.IntegerField(min_value=1, max_value=LARGEST_BATCH, required=False)
    strategy = serializers.ChoiceField(choices=Strategy.choices, default=Strategy.UNCERTAIN_DIVERSE)
    seed = serializers.IntegerField(min_value=0, max_value=2**63 - 1, required=False)
    random_share = serializers.FloatField(min_value=0, max_value=1, required=False)


class AcquisitionItemSerializer(serializers.ModelSerializer[AcquisitionItem]):
    class Meta:
        model = AcquisitionItem
        fields = ["image", "rank", "purpose", "reason"]


class AcquisitionBatchSerializer(serializers.ModelSerializer[AcquisitionBatch]):
    """A batch without its Images: what anybody who may ask for one is told. Give it rows `with_image_count`."""

    project = serializers.SlugRelatedField[Project](slug_field="slug", read_only=True)
    model_version = serializers.IntegerField(source="model_version.number", read_only=True)
    image_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = AcquisitionBatch
        fields = [
            "id",
            "project",
            "model_version",
            "strategy",
            "seed",
            "size",
            "random_share",
            "pool_size",
            "image_count",
            "created_at",
        ]


class AcquisitionBatchDetailSerializer(AcquisitionBatchSerializer):
    items = AcquisitionItemSerializer(many=True, read_only=True)

    class Meta(AcquisitionBatchSerializer.Meta):
        fields = [*AcquisitionBatchSerializer.Meta.fields, "items"]


class LevelChanceSerializer(serializers.Serializer[LevelChance]):
    value = serializers.FloatField()
    probability = serializers.FloatField(min_value=0, max_value=1)


class CriterionPredictionSerializer(serializers.ModelSerializer[CriterionPrediction]):
    criterion = serializers.CharField(source="criterion.key", read_only=True)
    levels = serializers.SerializerMethodField(help_text="How likely each level is; none of scales with many levels.")

    class Meta:
        model = CriterionPrediction
        fields = ["criterion", "quality", "epistemic_std", "aleatoric_std", "lower", "upper", "levels", "is_prior"]

    @extend_schema_field(LevelChanceSerializer(many=True))
    def get_levels(self, said: CriterionPrediction) -> list[dict[str, float]]:
        return [{"value": one.value, "probability": one.probability} for one in level_chances(said)]


class PredictionSerializer(serializers.ModelSerializer[Prediction]):
    model_version = serializers.IntegerField(source="model_version.number", read_only=True)
    criteria = CriterionPredictionSerializer(many=True, read_only=True)

    class Meta:
        model = Prediction
        fields = [
            "id",
            "image",
            "model_version",
            "criteria",
            "prompt",
            "prompt_provenance",
            "prompt_confidence",
            "slice_indices",
            "slice_weights",
            "patch_weights",
            "physical",
            "ood_distance",
            "created_at",
        ]


class ModelVersionSerializer(serializers.ModelSerializer[ModelVersion]):
    """Of the report only the gate: the rest, with the points of single Images, is the run's.

    Give it rows `for_lists`.
    """

    parent_number = serializers.SerializerMethodField()
    promoted_by = serializers.CharField(source="promoted_by.username", default=None, read_only=True)
    is_gate_passed = serializers.BooleanField(
        read_only=True, allow_null=True, help_text="The figures stand in the run's report."
    )
    run = serializers.SerializerMethodField()

    class Meta:
        model = ModelVersion
        fields = [
            "id",
            "number",
            "stage",
            "parent_number",
            "sha256",
            "features_version",
            "is_gate_passed",
            "run",
            "created_at",
            "promoted_at",
            "promoted_by",
        ]

    def get_parent_number(self, version: ModelVersion) -> int | None:
        return version.parent.number if version.parent else None

    def get_run(self, version: ModelVersion) -> str | None:
        run: FineTuneRun | None = getattr(version, "fine_tune_run", None)
        return str(run.pk) if run else None


class RunConfigSerializer(serializers.Serializer[Any]):
    epochs = serializers.IntegerField(required=False)
    members = serializers.IntegerField(required=False)
    head = serializers.CharField(required=False)
    criteria = serializers.ListField(child=serializers.CharField(), required=False)


class RunRequestSerializer(serializers.Serializer[Any]):
    seed = serializers.IntegerField(min_value=0, max_value=2**63 - 1, default=0)
    config = RunConfigSerializer(required=False)
    start = serializers.ChoiceField(["shipped"], required=False, help_text="The pre-trained model of the installation.")


class FineTuneRunSummarySerializer(serializers.ModelSerializer[FineTuneRun]):
    project = serializers.SlugRelatedField[Project](slug_field="slug", read_only=True)
    job = JobSerializer(read_only=True)
    parent_number = serializers.IntegerField(source="parent.number", read_only=True)
    start_number = serializers.IntegerField(source="start.number", read_only=True, default=None, allow_null=True)
    candidate_number = serializers.SerializerMethodField()
    is_gate_passed = serializers.SerializerMethodField()

    class Meta:
        model = FineTuneRun
        fields = [
            "id",
            "project",
            "job",
            "parent_number",
            "start_number",
            "candidate_number",
            "is_gate_passed",
            "config",
            "seed",
            "created_at",
        ]

    def get_candidate_number(self, run: FineTuneRun) -> int | None:
        return run.candidate.number if run.candidate else None

    def get_is_gate_passed(self, run: FineTuneRun) -> bool | None:
        return run.candidate.has_passed_gate if run.candidate else None


class FineTuneRunSerializer(FineTuneRunSummarySerializer):
    snapshot_sha256 = serializers.CharField(source="snapshot.sha256", read_only=True)
    candidate_id = serializers.IntegerField(read_only=True, allow_null=True)

    class Meta(FineTuneRunSummarySerializer.Meta):
        fields = [
            *FineTuneRunSummarySerializer.Meta.fields,
            "candidate_id",
            "snapshot_sha256",
            "loss_history",
            "report",
        ]
