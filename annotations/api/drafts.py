"""One's own drafts of Readings. Nobody sees another's."""

from dataclasses import asdict
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotations.api.findings import FindingMarkSerializer
from annotations.api.readings import DAY_SECONDS
from annotations.api.requests import user_of
from annotations.api.storable import NumberField, is_storable
from annotations.api.worklists import assignment_for_reader
from annotations.models import AbstentionReason, Assignment, Confidence, Draft, User
from annotations.services.drafts import DraftEdit, DraftTimes, keep_draft, submitted_by, times_of

LARGEST_REVISION = 2**31 - 1
LONGEST_MS = 366 * DAY_SECONDS * 1000


class DraftContentSerializer(serializers.Serializer[None]):
    """Answers so far; whether they fit the rubric is asked at submission."""

    scores = serializers.DictField(child=NumberField(), default=dict)
    abstentions = serializers.DictField(child=serializers.ChoiceField(choices=AbstentionReason.choices), default=dict)
    findings = FindingMarkSerializer(many=True, default=list)
    comment = serializers.CharField(max_length=2000, allow_blank=True, default="", trim_whitespace=False)
    confidence = serializers.ChoiceField(choices=Confidence.choices, allow_blank=True, default="")
    corrects = serializers.UUIDField(allow_null=True, default=None)


class DraftTimesSerializer(serializers.Serializer[None]):
    """Milliseconds: active, by a key that each device makes; and since the case was first opened on any of them."""

    active_ms = serializers.DictField(
        child=serializers.FloatField(min_value=0, max_value=LONGEST_MS), default=dict, help_text="Keys are UUIDs."
    )
    wall_ms = serializers.FloatField(min_value=0, max_value=LONGEST_MS, default=0.0)

    def validate_active_ms(self, counts: dict[str, float]) -> dict[str, float]:
        for clock in counts:
            serializers.UUIDField().run_validation(clock)
        return counts

    def validate(self, times: dict[str, Any]) -> dict[str, Any]:
        if not is_storable(times):  # NaN lies between all bounds
            raise serializers.ValidationError(_("The draft holds what no text or number is."))
        return times


class DraftSerializer(serializers.Serializer[None]):
    client_key = serializers.UUIDField()
    revision = serializers.IntegerField(
        min_value=1, max_value=LARGEST_REVISION, help_text="Counts the edits; the largest stands."
    )
    content = DraftContentSerializer()
    times = DraftTimesSerializer(default=dict)

    def validate_content(self, content: dict[str, Any]) -> dict[str, Any]:
        if not is_storable({**content, "corrects": None}):
            raise serializers.ValidationError(_("The draft holds what no text or number is."))
        return content

    def to_edit(self) -> DraftEdit:
        fields: dict[str, Any] = dict(self.validated_data)
        content = dict(fields["content"])
        corrects = content.pop("corrects")
        times = DraftTimes(**fields["times"])
        return DraftEdit(fields["client_key"], fields["revision"], content, corrects, times)


class DraftStateSerializer(serializers.Serializer[None]):
    draft = DraftSerializer(allow_null=True)
    submitted = serializers.UUIDField(allow_null=True, help_text="Client key of one's newest Reading of this case.")


class AssignmentDraft(APIView):
    """GET gives one's draft of the case; PUT keeps an edit, and answers what stands now.

    An edit stands if its `revision` is larger than that of the stored one: see `services/drafts.py`.
    """

    @extend_schema(responses=DraftStateSerializer)
    def get(self, request: Request, pk: str) -> Response:
        assignment = assignment_for_reader(request, pk)
        draft = Draft.objects.visible_to(request.user).filter(assignment=assignment).first()
        return Response(state_of(assignment, user_of(request), draft))

    @extend_schema(request=DraftSerializer, responses=DraftStateSerializer)
    def put(self, request: Request, pk: str) -> Response:
        assignment = assignment_for_reader(request, pk)
        serializer = DraftSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        reader = user_of(request)
        draft = keep_draft(assignment=assignment, reader=reader, edit=serializer.to_edit(), now=timezone.now())
        return Response(state_of(assignment, reader, draft))


def state_of(assignment: Assignment, reader: User, draft: Draft | None) -> dict[str, Any]:
    reading = submitted_by(assignment, reader)
    kept = draft and {
        "client_key": draft.client_key,
        "revision": draft.revision,
        "content": {name: value for name, value in draft.content.items() if name != "times"},
        "times": asdict(times_of(draft, now=timezone.now())),
    }
    return {"draft": kept, "submitted": reading.client_key if reading else None}
