from django.urls import path

from annotations.api import projects, readings, session, worklists

urlpatterns = [
    path("session/", session.SessionView.as_view(), name="session"),
    path("projects/", projects.ProjectList.as_view(), name="project-list"),
    path("projects/<slug:slug>/", projects.ProjectDetail.as_view(), name="project-detail"),
    path("projects/<slug:slug>/progress/", projects.ProjectProgress.as_view(), name="project-progress"),
    path("projects/<slug:slug>/worklist/", worklists.Worklist.as_view(), name="worklist"),
    path("assignments/<uuid:pk>/lease/", worklists.AssignmentLease.as_view(), name="assignment-lease"),
    path("assignments/<uuid:pk>/readings/", readings.AssignmentReadings.as_view(), name="assignment-readings"),
    path("readings/", readings.ReadingList.as_view(), name="reading-list"),
    path("readings/<uuid:pk>/", readings.ReadingDetail.as_view(), name="reading-detail"),
    path("readings/<uuid:pk>/corrections/", readings.Corrections.as_view(), name="reading-corrections"),
]
