from django.contrib.auth.views import LogoutView
from django.urls import path

from annotations import views

urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", views.SignIn.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("setup/", views.setup, name="setup"),
    path("settings/tokens/", views.tokens, name="tokens"),
    path("settings/tokens/<str:digest>/revoke/", views.revoke_token, name="revoke-token"),
    path("projects/new/", views.new_project, name="new-project"),
    path("projects/<slug:slug>/", views.project, name="project"),
    path("projects/<slug:slug>/read/", views.read, name="read"),
    path("readings/<uuid:pk>/display/", views.replay, name="replay"),
    path("projects/<slug:slug>/upload/", views.upload, name="upload"),
]
