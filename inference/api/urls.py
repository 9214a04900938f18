from django.urls import path

from inference.api import feedback, scoring, versions

urlpatterns = [
    path("projects/<slug:slug>/prescorings/", scoring.Prescorings.as_view(), name="prescorings"),
    path(
        "projects/<slug:slug>/acquisition-batches/",
        scoring.AcquisitionBatches.as_view(),
        name="acquisition-batch-list",
    ),
    path("acquisition-batches/<uuid:pk>/", scoring.AcquisitionBatchView.as_view(), name="acquisition-batch-detail"),
    path("projects/<slug:slug>/predictions/", scoring.Predictions.as_view(), name="prediction-list"),
    path("assignments/<uuid:pk>/feedback/", feedback.AssignmentFeedback.as_view(), name="assignment-feedback"),
    path("projects/<slug:slug>/model-versions/", versions.ModelVersions.as_view(), name="model-version-list"),
    path("projects/<slug:slug>/model-versions/roll-back/", versions.RollBack.as_view(), name="model-version-roll-back"),
    path("model-versions/<int:pk>/promote/", versions.Promotion.as_view(), name="model-version-promote"),
    path("projects/<slug:slug>/fine-tune-runs/", versions.FineTuneRuns.as_view(), name="fine-tune-run-list"),
    path("fine-tune-runs/<uuid:pk>/", versions.FineTuneRunView.as_view(), name="fine-tune-run-detail"),
    path("fine-tune-runs/<uuid:pk>/cancel/", versions.FineTuneRunCancellation.as_view(), name="fine-tune-run-cancel"),
]
