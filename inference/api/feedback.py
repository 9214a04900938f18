"""Feedback on one's own Reading, in Projects that show it after submission."""

from typing import Any

from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotations.api.requests import user_of
from annotations.api.worklists import assignment_for_reader
from annotations.services.drafts import submitted_by
from inference.errors import NoFeedback
from inference.mediqa.faults import Faults, SeenFault, faults_of
from inference.models import CriterionPrediction, Prediction
from inference.pictures import slice_pictures
from inference.services.feedback import CriterionFeedback, feedback_on


class ScoreCountSerializer(serializers.Serializer[Any]):
    value = serializers.FloatField()
    count = serializers.IntegerField()


class PredictedSerializer(serializers.ModelSerializer[CriterionPrediction]):
    class Meta:
        model = CriterionPrediction
        fields = ["quality", "lower", "upper"]


class CriterionFeedbackSerializer(serializers.Serializer[CriterionFeedback]):
    key = serializers.CharField(source="criterion.key")
    own = serializers.FloatField(allow_null=True)
    others = serializers.SerializerMethodField()
    predicted = PredictedSerializer(allow_null=True)

    @extend_schema_field(ScoreCountSerializer(many=True))
    def get_others(self, one: CriterionFeedback) -> list[dict[str, float]]:
        return [{"value": value, "count": count} for value, count in one.others.items()]


class PatchSerializer(serializers.Serializer[Any]):
    """In pixels of the slice; `opacity` 0..1, the more the patch counted."""

    left = serializers.FloatField()
    top = serializers.FloatField()
    width = serializers.FloatField()
    height = serializers.FloatField()
    opacity = serializers.FloatField()


class SliceFeedbackSerializer(serializers.Serializer[Any]):
    slice_index = serializers.IntegerField(help_text="Counted from 0.")
    weight = serializers.FloatField(help_text="Share of the score.")
    patches = PatchSerializer(many=True)


class SeenFaultSerializer(serializers.Serializer[SeenFault]):
    words = serializers.CharField()
    severity = serializers.FloatField(help_text="0..1.")


class FaultsSerializer(serializers.Serializer[Faults]):
    """Predicted physical parameters in words, the most severe first; of the `absent` ones there is hardly any."""

    seen = SeenFaultSerializer(many=True)
    absent = serializers.ListField(child=serializers.CharField())


class FeedbackSerializer(serializers.Serializer[Any]):
    model_version = serializers.IntegerField(allow_null=True)
    criteria = CriterionFeedbackSerializer(many=True)
    slices = SliceFeedbackSerializer(many=True)
    faults = FaultsSerializer()


class AssignmentFeedback(APIView):
    """GET, after submission: what the production model and the other readers said of the case; no reader's name."""

    @extend_schema(responses=FeedbackSerializer)
    def get(self, request: Request, pk: str) -> Response:
        reading = submitted_by(assignment_for_reader(request, pk), user_of(request))
        if reading is None:
            raise NoFeedback
        feedback = feedback_on(reading=reading, reader=user_of(request))
        prediction = feedback.prediction
        answer = {
            "model_version": prediction.model_version.number if prediction else None,
            "criteria": feedback.criteria,
            "slices": _slices(prediction) if prediction else [],
            "faults": faults_of(prediction.physical if prediction else {}, gettext),
        }
        return Response(FeedbackSerializer(answer).data)


def _slices(prediction: Prediction) -> list[dict[str, Any]]:
    return [
        {"slice_index": picture.number - 1, "weight": picture.weight, "patches": picture.patches}
        for picture in slice_pictures(prediction)
    ]
