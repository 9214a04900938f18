from django.urls import path

from inference import prediction_pages, views

urlpatterns = [
    path("projects/<slug:slug>/scoring/", views.scoring, name="scoring"),
    path("projects/<slug:slug>/prescore/", views.prescore, name="prescore"),
    path("projects/<slug:slug>/select/", views.select, name="select"),
    path("projects/<slug:slug>/predictions/", prediction_pages.predictions, name="predictions"),
    path("projects/<slug:slug>/predictions/<int:pk>/", prediction_pages.prediction, name="prediction"),
    path("projects/<slug:slug>/predictions/<int:pk>/prompt/", prediction_pages.correct_prompt, name="correct-prompt"),
    path("projects/<slug:slug>/models/", views.models, name="models"),
    path("projects/<slug:slug>/models/<int:pk>/promote/", views.promote, name="promote"),
    path("projects/<slug:slug>/models/roll-back/", views.roll_back, name="roll-back"),
    path("projects/<slug:slug>/runs/", views.start_run, name="start-run"),
    path("projects/<slug:slug>/runs/<uuid:pk>/", views.run, name="run"),
    path("projects/<slug:slug>/runs/<uuid:pk>/cancel/", views.cancel_run, name="cancel-run"),
]
