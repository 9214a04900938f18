"""Uploads: open one, send files, start it, see what was refused."""

from typing import Any, cast

from django.conf import settings
from django.core.files.base import File
from django.db.models import QuerySet
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, generics, serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotations.api.jobs import JobSerializer
from annotations.models import IngestRefusal, Job, JobKind, Project, Role, User
from annotations.permissions import get_project, project_role
from annotations.queueing import enqueue_on_commit
from annotations.services.uploads import open_upload, stage_files, start_upload

ManagesImages = project_role(Role.MANAGER, read=(Role.ML_ENGINEER,))


class RequestTooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "request_too_large"


class FilesSerializer(serializers.Serializer[Any]):
    """Multipart fields; `paths` holds the relative path of each file, in the same order, or is left out."""

    files = serializers.ListField(child=serializers.FileField(allow_empty_file=True), allow_empty=False)
    paths = serializers.ListField(child=serializers.CharField(max_length=4096, allow_blank=True), required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("paths") and len(attrs["paths"]) != len(attrs["files"]):
            raise serializers.ValidationError({"paths": gettext("Send one path for each file, or none at all.")})
        return attrs

    def named_files(self) -> list[tuple[str, File[bytes]]]:
        files: list[File[bytes]] = self.validated_data["files"]
        paths: list[str] = self.validated_data.get("paths") or ["" for _ in files]
        return [(path or file.name or "", file) for path, file in zip(paths, files, strict=True)]


class StagedSerializer(serializers.Serializer[Any]):
    staged = serializers.IntegerField(help_text="Files of this request that now wait for the start.")


class RefusalSerializer(serializers.ModelSerializer[IngestRefusal]):
    detail = serializers.SerializerMethodField(help_text="In the language of who asks.")

    class Meta:
        model = IngestRefusal
        fields = ["name", "reason", "detail"]

    def get_detail(self, refusal: IngestRefusal) -> str:
        said = gettext(refusal.pattern or refusal.detail)
        return said % refusal.values if refusal.values else said


class IngestCreation(APIView):
    """POST opens an upload: a Job to which files are sent before it is started."""

    permission_classes = [IsAuthenticated, project_role(Role.MANAGER)]

    @extend_schema(request=None, responses={201: JobSerializer})
    def post(self, request: Request, slug: str) -> Response:
        job = open_upload(project=get_project(slug, request.user), created_by=cast(User, request.user))
        return Response(JobSerializer(job).data, status=status.HTTP_201_CREATED)


class IngestView(generics.GenericAPIView[Job]):
    """One upload, for the managers of its Project; ML staff may look."""

    permission_classes = [IsAuthenticated, ManagesImages]
    serializer_class = JobSerializer

    def get_queryset(self) -> QuerySet[Job]:
        visible = Project.objects.visible_to(self.request.user)
        return Job.objects.filter(kind=JobKind.INGEST, project__in=visible).select_related("project")


class IngestDetail(generics.RetrieveAPIView[Job], IngestView):
    pass


class IngestFiles(IngestView):
    """POST keeps files (DICOM, PNG, JPEG, TIFF, NIfTI, zip) for the ingest. May be called many times."""

    parser_classes = [MultiPartParser]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse by the declared length before anything is read: reading the session's CSRF token parses the body."""
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.UPLOAD_REQUEST_MAX_BYTES:
            limit = settings.UPLOAD_REQUEST_MAX_BYTES / 2**30
            raise RequestTooLarge(
                gettext("One request holds at most %(limit)s GiB. Send the files in several requests.")
                % {"limit": f"{limit:.3g}"}
            )
        super().initial(request, *args, **kwargs)

    @extend_schema(request={"multipart/form-data": FilesSerializer}, responses={201: StagedSerializer})
    def post(self, request: Request, pk: str) -> Response:
        job = self.get_object()
        sent = FilesSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        staged = stage_files(job=job, files=sent.named_files())
        return Response({"staged": len(staged)}, status=status.HTTP_201_CREATED)


class IngestStart(IngestView):
    """POST sends the upload to the queue."""

    @extend_schema(request=None, responses=JobSerializer)
    def post(self, request: Request, pk: str) -> Response:
        job = start_upload(job=self.get_object())
        enqueue_on_commit(job)
        return Response(JobSerializer(job).data)


class IngestRefusals(generics.ListAPIView[IngestRefusal]):
    """GET: each file that was not taken, and why."""

    permission_classes = [IsAuthenticated, ManagesImages]
    serializer_class = RefusalSerializer

    def get_queryset(self) -> QuerySet[IngestRefusal]:
        if getattr(self, "swagger_fake_view", False):
            return IngestRefusal.objects.none()
        visible = Project.objects.visible_to(self.request.user)
        job = generics.get_object_or_404(
            Job.objects.filter(kind=JobKind.INGEST, project__in=visible), pk=self.kwargs["pk"]
        )
        self.check_object_permissions(self.request, job)
        return IngestRefusal.objects.filter(job=job)
