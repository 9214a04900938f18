"""Submitting, correcting and listing Readings."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django_filters.rest_framework import CharFilter, FilterSet, NumberFilter
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotations.api.findings import FindingMarkSerializer, FindingSerializer, to_mark
from annotations.api.requests import user_of
from annotations.api.storable import NumberField, is_storable
from annotations.api.worklists import assignment_for_reader
from annotations.models import AbstentionReason, Confidence, Project, Reading, Role
from annotations.services.progress import worklist_counts
from annotations.services.readings import Submission, correct_reading, submit_or_correct

MOST_DISPLAY_STATE_KEYS = 40
MOST_COMPARED = 500  # every level of every criterion, and more
DAY_SECONDS = 24 * 3600


class SubmissionSerializer(serializers.Serializer[None]):
    client_key = serializers.UUIDField()
    rubric_id = serializers.IntegerField()
    scores = serializers.DictField(child=NumberField(), default=dict)
    abstentions = serializers.DictField(
        child=serializers.ChoiceField(choices=AbstentionReason.choices),
        default=dict,
        help_text="Why a criterion cannot be judged, in the place of its score.",
    )
    confidence = serializers.ChoiceField(choices=Confidence.choices, allow_blank=True, default="")
    findings = FindingMarkSerializer(many=True, default=list)
    comment = serializers.CharField(max_length=2000, allow_blank=True, default="")
    display_state = serializers.DictField(child=serializers.JSONField(), default=dict)
    active_seconds = serializers.FloatField(min_value=0, max_value=DAY_SECONDS * 31)
    wall_seconds = serializers.FloatField(min_value=0, max_value=DAY_SECONDS * 366)
    corrects = serializers.UUIDField(
        allow_null=True, default=None, help_text="Client key of one's earlier submission that this one supersedes."
    )

    def validate_display_state(self, state: dict[str, Any]) -> dict[str, Any]:
        if _has_too_many_entries(state):
            raise serializers.ValidationError(_("The display state has too many entries."))
        if not is_storable(state):
            raise serializers.ValidationError(_("The display state holds what no text or number is."))
        return state

    def to_submission(self) -> Submission:
        fields = dict(self.validated_data)
        return Submission(findings=[to_mark(mark) for mark in fields.pop("findings")], **fields)


def _has_too_many_entries(state: dict[str, Any]) -> bool:
    """In itself, or in what it says of the images that the case was compared with."""
    compared = state.get("compared")
    entries = compared if isinstance(compared, list) else []
    named = [one for one in entries if isinstance(one, dict)]
    parts = [state, *named, *(one["display"] for one in named if isinstance(one.get("display"), dict))]
    return len(entries) > MOST_COMPARED or any(len(part) > MOST_DISPLAY_STATE_KEYS for part in parts)


class AcknowledgementSerializer(serializers.Serializer[None]):
    id = serializers.UUIDField()
    submitted_at = serializers.DateTimeField()
    open_count = serializers.IntegerField()
    done_count = serializers.IntegerField()


class ReadingSerializer(serializers.ModelSerializer[Reading]):
    project = serializers.SlugRelatedField[Project](slug_field="slug", read_only=True)
    reader = serializers.CharField(source="reader.username", read_only=True)
    scores = serializers.SerializerMethodField()
    abstentions = serializers.SerializerMethodField()
    findings = FindingSerializer(many=True, read_only=True)

    class Meta:
        model = Reading
        fields = [
            "id",
            "project",
            "image",
            "reader",
            "arm",
            "supersedes",
            "scores",
            "abstentions",
            "findings",
            "comment",
            "confidence",
            "active_seconds",
            "wall_seconds",
            "submitted_at",
        ]

    def get_scores(self, reading: Reading) -> dict[str, float]:
        return {score.criterion.key: score.value for score in reading.scores.all()}

    def get_abstentions(self, reading: Reading) -> dict[str, str]:
        return {abstention.criterion.key: abstention.reason for abstention in reading.abstentions.all()}


class ReadingView(generics.GenericAPIView[Reading]):
    serializer_class = ReadingSerializer

    def get_queryset(self) -> QuerySet[Reading]:
        visible = Reading.objects.visible_to(self.request.user)
        return visible.select_related("reader", "project").prefetch_related(
            "scores__criterion", "abstentions__criterion", "findings__criterion"
        )


class ReadingFilter(FilterSet):  # type: ignore[misc]
    """By numbers and names as they are: a model's own choices would list rows that are not to be seen."""

    image = NumberFilter(field_name="image_id")
    project__slug = CharFilter()
    reader__username = CharFilter()


class ReadingList(generics.ListAPIView[Reading], ReadingView):
    """One's own Readings; for managers and ML engineers those of others, as far as blinding allows."""

    filterset_class = ReadingFilter


class ReadingDetail(generics.RetrieveAPIView[Reading], ReadingView):
    pass


class AssignmentReadings(APIView):
    """POST submits a Reading, or corrects an earlier one: exactly once for a `client_key`, however often it is sent."""

    @extend_schema(
        request=SubmissionSerializer, responses={200: AcknowledgementSerializer, 201: AcknowledgementSerializer}
    )
    def post(self, request: Request, pk: str) -> Response:
        assignment = assignment_for_reader(request, pk)
        return store(
            request,
            lambda submission: submit_or_correct(
                assignment=assignment, reader=user_of(request), submission=submission, now=timezone.now()
            ),
        )


class Corrections(APIView):
    """POST stores a new Reading that supersedes the reader's earlier one."""

    @extend_schema(
        request=SubmissionSerializer, responses={200: AcknowledgementSerializer, 201: AcknowledgementSerializer}
    )
    def post(self, request: Request, pk: str) -> Response:
        own = Reading.objects.filter(
            reader=user_of(request), project__in=Project.objects.with_role(request.user, Role.READER)
        )
        reading = get_object_or_404(own, pk=pk)
        return store(
            request,
            lambda submission: correct_reading(
                reading=reading, reader=user_of(request), submission=submission, now=timezone.now()
            ),
        )


def store(request: Request, service: Callable[[Submission], tuple[Reading, bool]]) -> Response:
    serializer = SubmissionSerializer(data=request.data)
    serializer.is_valid(raise_exception=True)
    reading, is_new = service(serializer.to_submission())
    counts = worklist_counts(reading.project, reader=reading.reader, now=timezone.now())
    answer = {"id": reading.pk, "submitted_at": reading.submitted_at, **counts}
    return Response(answer, status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)
