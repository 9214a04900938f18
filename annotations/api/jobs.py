"""Jobs: how far long work is, and to stop it."""

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from annotations.models import Job, JobKind, Role
from annotations.permissions import roles_in
from annotations.services.jobs import cancel_job
from annotations.services.uploads import cancel_upload

# As who may start it.
CANCELLED_BY: dict[JobKind, set[str]] = {
    JobKind.INGEST: {Role.MANAGER},
    JobKind.PRESCORE: {Role.MANAGER, Role.ML_ENGINEER},
    JobKind.FINE_TUNE: {Role.ML_ENGINEER},
}


class StoredSentence(serializers.CharField):
    """What a worker wrote in English, in the language of who asks."""

    def to_representation(self, value: str) -> str:
        return gettext(value)


class JobSerializer(serializers.ModelSerializer[Job]):
    phase = StoredSentence(read_only=True)
    message = StoredSentence(read_only=True)
    seconds_left = serializers.SerializerMethodField(help_text="Of the present phase, while it runs.")

    class Meta:
        model = Job
        fields = [
            "id",
            "kind",
            "state",
            "phase",
            "done",
            "total",
            "seconds_left",
            "message",
            "result",
            "created_at",
            "started_at",
            "finished_at",
        ]
        read_only_fields = fields

    def get_seconds_left(self, job: Job) -> float | None:
        return job.seconds_left(timezone.now())


class JobDetail(generics.RetrieveAPIView[Job]):
    serializer_class = JobSerializer

    def get_queryset(self) -> QuerySet[Job]:
        return Job.objects.visible_to(self.request.user)


class JobCancellation(generics.GenericAPIView[Job]):
    """POST asks a Job to stop; what it has done so far stays."""

    serializer_class = JobSerializer

    def get_queryset(self) -> QuerySet[Job]:
        return Job.objects.visible_to(self.request.user).select_related("project")

    @extend_schema(request=None, responses=JobSerializer)
    def post(self, request: Request, pk: str) -> Response:
        job = self.get_object()
        if not CANCELLED_BY[JobKind(job.kind)] & roles_in(job.project, request.user):
            raise PermissionDenied
        cancel = cancel_upload if job.kind == JobKind.INGEST else cancel_job
        return Response(JobSerializer(cancel(job=job, now=timezone.now())).data)
