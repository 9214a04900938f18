"""Signing in and out without leaving the page."""

from django.contrib.auth import authenticate, login, logout
from django.middleware.csrf import get_token
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class CredentialsSerializer(serializers.Serializer[None]):
    username = serializers.CharField()
    password = serializers.CharField(trim_whitespace=False)


class SessionSerializer(serializers.Serializer[None]):
    is_authenticated = serializers.BooleanField()
    username = serializers.CharField(allow_blank=True)
    csrf_token = serializers.CharField()


@method_decorator(csrf_protect, name="post")
class SessionView(APIView):
    """Who is signed in; sign in; sign out. The answer carries the CSRF token for the requests that follow."""

    authentication_classes = [SessionAuthentication]
    permission_classes = [AllowAny]

    @extend_schema(responses=SessionSerializer)
    def get(self, request: Request) -> Response:
        return self._answer(request)

    @extend_schema(request=CredentialsSerializer, responses=SessionSerializer)
    def post(self, request: Request) -> Response:
        credentials = CredentialsSerializer(data=request.data)
        credentials.is_valid(raise_exception=True)
        user = authenticate(request._request, **credentials.validated_data)
        if user is None:
            raise AuthenticationFailed(_("The user name or the password is wrong."))
        login(request, user)
        request.user = user
        return self._answer(request)

    @extend_schema(responses=SessionSerializer)
    def delete(self, request: Request) -> Response:
        logout(request)
        return self._answer(request)

    def _answer(self, request: Request) -> Response:
        return Response(
            {
                "is_authenticated": request.user.is_authenticated,
                "username": request.user.get_username(),
                "csrf_token": get_token(request),
            }
        )
