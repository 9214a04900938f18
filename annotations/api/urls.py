from django.urls import path

from annotations.api import (
    anchor_images,
    bookmarks,
    display_checks,
    drafts,
    images,
    ingests,
    jobs,
    preferences,
    priors,
    projects,
    readings,
    session,
    worklists,
)

urlpatterns = [
    path("session/", session.SessionView.as_view(), name="session"),
    path("preferences/", preferences.Preferences.as_view(), name="preferences"),
    path("display-checks/", display_checks.DisplayChecks.as_view(), name="display-check-list"),
    path("projects/", projects.ProjectList.as_view(), name="project-list"),
    path("projects/<slug:slug>/", projects.ProjectDetail.as_view(), name="project-detail"),
    path("projects/<slug:slug>/progress/", projects.ProjectProgress.as_view(), name="project-progress"),
    path("projects/<slug:slug>/worklist/", worklists.Worklist.as_view(), name="worklist"),
    path("projects/<slug:slug>/worklist/undo/", worklists.Undo.as_view(), name="worklist-undo"),
    path("projects/<slug:slug>/bookmarks/", bookmarks.BookmarkList.as_view(), name="bookmark-list"),
    path(
        "projects/<slug:slug>/bookmarks/<int:image_pk>/", bookmarks.BookmarkOfImage.as_view(), name="bookmark-of-image"
    ),
    path("projects/<slug:slug>/images/", images.ProjectImages.as_view(), name="image-list"),
    path("images/<int:pk>/thumbnail/", images.ImageThumbnail.as_view(), name="image-thumbnail"),
    path("anchor-images/<int:pk>/", anchor_images.AnchorImageDetail.as_view(), name="anchor-image-detail"),
    path("projects/<slug:slug>/ingests/", ingests.IngestCreation.as_view(), name="ingest-list"),
    path("ingests/<uuid:pk>/", ingests.IngestDetail.as_view(), name="ingest-detail"),
    path("ingests/<uuid:pk>/files/", ingests.IngestFiles.as_view(), name="ingest-files"),
    path("ingests/<uuid:pk>/start/", ingests.IngestStart.as_view(), name="ingest-start"),
    path("ingests/<uuid:pk>/refusals/", ingests.IngestRefusals.as_view(), name="ingest-refusals"),
    path("jobs/<uuid:pk>/", jobs.JobDetail.as_view(), name="job-detail"),
    path("jobs/<uuid:pk>/cancel/", jobs.JobCancellation.as_view(), name="job-cancel"),
    path("assignments/<uuid:pk>/lease/", worklists.AssignmentLease.as_view(), name="assignment-lease"),
    path("assignments/<uuid:pk>/prior/", priors.AssignmentPrior.as_view(), name="assignment-prior"),
    path("assignments/<uuid:pk>/draft/", drafts.AssignmentDraft.as_view(), name="assignment-draft"),
    path("assignments/<uuid:pk>/readings/", readings.AssignmentReadings.as_view(), name="assignment-readings"),
    path("readings/", readings.ReadingList.as_view(), name="reading-list"),
    path("readings/<uuid:pk>/", readings.ReadingDetail.as_view(), name="reading-detail"),
    path("readings/<uuid:pk>/corrections/", readings.Corrections.as_view(), name="reading-corrections"),
]
