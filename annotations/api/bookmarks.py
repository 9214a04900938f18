"""One's own bookmarks in a Project. Nobody sees another's."""

from uuid import UUID

from django.db.models import Exists, OuterRef
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotations.api.requests import user_of
from annotations.models import Assignment, Bookmark, Image, Reading, Role
from annotations.permissions import get_project, project_role
from annotations.services.bookmarks import remove_bookmark, set_bookmark


class BookmarkSerializer(serializers.ModelSerializer[Bookmark]):
    title = serializers.SerializerMethodField()
    thumbnail_url = serializers.SerializerMethodField()
    is_read = serializers.BooleanField(read_only=True, help_text="Whether one has submitted it.")

    class Meta:
        model = Bookmark
        fields = ["assignment", "title", "thumbnail_url", "is_read", "created_at"]

    def get_title(self, bookmark: Bookmark) -> str:
        series = _image(bookmark).series
        return " · ".join(filter(None, (series.modality, series.description)))

    def get_thumbnail_url(self, bookmark: Bookmark) -> str | None:
        image = _image(bookmark)
        return reverse("image-thumbnail", args=[image.pk]) if image.thumbnail_name else None


def _image(bookmark: Bookmark) -> Image:
    return bookmark.assignment.image


class BookmarkList(APIView):
    permission_classes = [IsAuthenticated, project_role(Role.READER)]

    @extend_schema(responses=BookmarkSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        project = get_project(slug, request.user)
        own = Reading.objects.filter(  # perhaps in a place of its own: see submit_reading
            assignment__request_key=OuterRef("assignment__request_key"),
            image=OuterRef("assignment__image"),
            reader=user_of(request),
        )
        bookmarks = Bookmark.objects.visible_to(request.user).filter(assignment__project=project)
        found = bookmarks.select_related("assignment__image__series").annotate(is_read=Exists(own))
        return Response(BookmarkSerializer(found, many=True).data)


class BookmarkOfCase(APIView):
    """PUT sets it, DELETE takes it away; both as often as one likes."""

    permission_classes = [IsAuthenticated, project_role(Role.READER)]

    @extend_schema(request=None, responses={204: None})
    def put(self, request: Request, slug: str, assignment_pk: UUID) -> Response:
        assignment = _assignment(request, slug, assignment_pk)
        set_bookmark(assignment=assignment, user=user_of(request), now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, slug: str, assignment_pk: UUID) -> Response:
        remove_bookmark(assignment=_assignment(request, slug, assignment_pk), user=user_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _assignment(request: Request, slug: str, pk: UUID) -> Assignment:
    return get_object_or_404(Assignment, pk=pk, project=get_project(slug, request.user))
