from django.contrib.auth.views import LogoutView
from django.urls import path

from annotations import anchor_pages, calibration_pages, manager_pages, views

urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", views.SignIn.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("setup/", views.setup, name="setup"),
    path("settings/tokens/", views.tokens, name="tokens"),
    path("settings/tokens/<str:digest>/revoke/", views.revoke_token, name="revoke-token"),
    path("display-check/", views.display_check, name="display-check"),
    path("projects/new/", views.new_project, name="new-project"),
    path("projects/<slug:slug>/", views.project, name="project"),
    path("projects/<slug:slug>/read/", views.read, name="read"),
    path("readings/<uuid:pk>/display/", views.replay, name="replay"),
    path("projects/<slug:slug>/readings/", manager_pages.readings, name="readings"),
    path("projects/<slug:slug>/settings/", manager_pages.project_settings, name="project-settings"),
    path("projects/<slug:slug>/anchor-images/", anchor_pages.anchor_images, name="anchor-images"),
    path("projects/<slug:slug>/anchor-images/<int:pk>/remove/", anchor_pages.remove_anchor, name="remove-anchor"),
    path(
        "projects/<slug:slug>/anchor-images/<slug:criterion_key>/<str:value>/",
        anchor_pages.choose_anchor,
        name="choose-anchor",
    ),
    path("projects/<slug:slug>/calibration/", calibration_pages.calibration, name="calibration"),
    path("projects/<slug:slug>/calibration/add/", calibration_pages.choose_calibration, name="choose-calibration"),
    path(
        "projects/<slug:slug>/calibration/<int:image_pk>/remove/",
        calibration_pages.remove_calibration,
        name="remove-calibration",
    ),
    path("projects/<slug:slug>/hanging/", manager_pages.hanging, name="hanging"),
    path("projects/<slug:slug>/upload/", views.upload, name="upload"),
]
