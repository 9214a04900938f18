"""How one works in the reading room: keys and mouse, stored with the user."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotations.api.requests import user_of
from annotations.services.preferences import preferences_of, set_preferences


class PreferencesSerializer(serializers.Serializer[None]):
    keys = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField(max_length=20, trim_whitespace=False), max_length=20),
        help_text="Keys by action, where they differ from the list's.",
        required=False,
    )
    mouse = serializers.DictField(child=serializers.CharField(max_length=20), required=False)
    hangings = serializers.DictField(
        child=serializers.DictField(child=serializers.JSONField()),
        help_text="How one keeps images hung, by the name that a case gives; in place of the project's.",
        required=False,
    )


class Preferences(APIView):
    """One's own; nobody else's can be reached. PUT replaces the sections that it names, and no others."""

    permission_classes = [IsAuthenticated]

    @extend_schema(responses=PreferencesSerializer)
    def get(self, request: Request) -> Response:
        return Response(preferences_of(user_of(request)))

    @extend_schema(request=PreferencesSerializer, responses=PreferencesSerializer)
    def put(self, request: Request) -> Response:
        asked = PreferencesSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(set_preferences(user=user_of(request), **asked.validated_data))
