"""The worklist: take cases, keep them, give them back."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotations.api.findings import FindingSerializer
from annotations.api.requests import user_of
from annotations.devices import device_of
from annotations.models import Assignment, Project, Role
from annotations.permissions import get_project, project_role
from annotations.services.cases import case_of
from annotations.services.display_checks import require_display_check
from annotations.services.progress import worklist_counts
from annotations.services.undo import reopen_last_reading
from annotations.services.worklists import extend_lease, lease_assignments, release_lease


class LeaseRequestSerializer(serializers.Serializer[None]):
    count = serializers.IntegerField(min_value=1, max_value=3, default=1)


class WorklistSerializer(serializers.Serializer[None]):
    cases = serializers.ListField(child=serializers.DictField())
    open_count = serializers.IntegerField()
    done_count = serializers.IntegerField()


class Worklist(APIView):
    """POST leases up to `count` cases to the reader: those they hold first, then in the queue's order."""

    permission_classes = [IsAuthenticated, project_role(Role.READER)]

    @extend_schema(request=LeaseRequestSerializer, responses=WorklistSerializer)
    def post(self, request: Request, slug: str) -> Response:
        project = get_project(slug, request.user)
        asked = LeaseRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        now = timezone.now()
        require_display_check(project=project, user=user_of(request), device=device_of(request), now=now)
        leased = lease_assignments(
            project=project, reader=user_of(request), count=asked.validated_data["count"], now=now
        )
        counts = worklist_counts(project, reader=user_of(request), now=now)
        return Response({"cases": [case_of(assignment, reader=user_of(request)) for assignment in leased], **counts})


class ReopenedSerializer(serializers.Serializer[dict[str, Any]]):
    case = serializers.DictField()
    client_key = serializers.UUIDField(help_text="Names the Reading that a correction supersedes.")
    scores = serializers.DictField(child=serializers.FloatField())
    abstentions = serializers.DictField(child=serializers.CharField())
    findings = FindingSerializer(many=True)
    comment = serializers.CharField()
    confidence = serializers.CharField()


class Undo(APIView):
    """POST gives back one's last submission within a few minutes, for a correction. Nothing changes by asking."""

    permission_classes = [IsAuthenticated, project_role(Role.READER)]

    @extend_schema(request=None, responses=ReopenedSerializer)
    def post(self, request: Request, slug: str) -> Response:
        project = get_project(slug, request.user)
        reading, case = reopen_last_reading(project=project, reader=user_of(request), now=timezone.now())
        reopened = {
            "case": case,
            "client_key": reading.client_key,
            "scores": {score.criterion.key: score.value for score in reading.scores.select_related("criterion")},
            "abstentions": {one.criterion.key: one.reason for one in reading.abstentions.select_related("criterion")},
            "findings": reading.findings.select_related("criterion"),
            "comment": reading.comment,
            "confidence": reading.confidence,
        }
        return Response(ReopenedSerializer(reopened).data)


class AssignmentLease(APIView):
    """POST keeps the case for its reader a while longer; DELETE puts it back for anybody."""

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pk: str) -> Response:
        assignment = assignment_for_reader(request, pk)
        kept = extend_lease(assignment=assignment, reader=user_of(request), now=timezone.now())
        return Response({"lease_expires_at": kept.lease_expires_at})

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, pk: str) -> Response:
        release_lease(assignment=assignment_for_reader(request, pk), reader=user_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


def assignment_for_reader(request: Request, pk: str) -> Assignment:
    """The Assignment, if the user is a reader of its Project; whether it is theirs, the service says."""
    own_projects = Project.objects.with_role(request.user, Role.READER)
    return get_object_or_404(Assignment.objects.select_related("project"), pk=pk, project__in=own_projects)
