"""One's own bookmarks in a Project. Nobody sees another's."""

from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotations.api.requests import user_of
from annotations.models import Bookmark, Reading, Role
from annotations.permissions import get_project, project_role
from annotations.services.bookmarks import remove_bookmark, set_bookmark


class BookmarkSerializer(serializers.ModelSerializer[Bookmark]):
    title = serializers.SerializerMethodField()
    thumbnail_url = serializers.SerializerMethodField()
    is_read = serializers.BooleanField(read_only=True, help_text="Whether one has submitted it.")

    class Meta:
        model = Bookmark
        fields = ["image", "title", "thumbnail_url", "is_read", "created_at"]

    def get_title(self, bookmark: Bookmark) -> str:
        series = bookmark.image.series
        return " · ".join(filter(None, (series.modality, series.description)))

    def get_thumbnail_url(self, bookmark: Bookmark) -> str | None:
        return reverse("image-thumbnail", args=[bookmark.image_id]) if bookmark.image.thumbnail_name else None


class BookmarkList(APIView):
    permission_classes = [IsAuthenticated, project_role(Role.READER)]

    @extend_schema(responses=BookmarkSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        project = get_project(slug, request.user)
        own = Reading.objects.filter(project=project, image=OuterRef("image"), reader=user_of(request))
        bookmarks = Bookmark.objects.visible_to(request.user).filter(project=project)
        found = bookmarks.select_related("image__series").annotate(is_read=Exists(own))
        return Response(BookmarkSerializer(found, many=True).data)


class BookmarkOfImage(APIView):
    """PUT sets it, DELETE takes it away; both as often as one likes."""

    permission_classes = [IsAuthenticated, project_role(Role.READER)]

    @extend_schema(request=None, responses={204: None})
    def put(self, request: Request, slug: str, image_pk: int) -> Response:
        project = get_project(slug, request.user)
        set_bookmark(project=project, image_id=image_pk, user=user_of(request), now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, slug: str, image_pk: int) -> Response:
        remove_bookmark(project=get_project(slug, request.user), image_id=image_pk, user=user_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
