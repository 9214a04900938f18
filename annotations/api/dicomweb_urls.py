"""DICOMweb, mounted at /dicomweb/. Paths as in PS3.18, without a closing slash."""

from django.urls import path, register_converter

from annotations.api import dicomweb, qido


class UidConverter:
    """A DICOM UID (PS3.5 section 9)."""

    regex = r"[0-9.]{1,64}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(UidConverter, "uid")

STUDY = "studies/<uid:study>"
SERIES = f"{STUDY}/series/<uid:series>"
INSTANCE = f"{SERIES}/instances/<uid:instance>"
FRAMES = f"{INSTANCE}/frames/<str:frames>"

urlpatterns = [
    path("studies", qido.SearchStudies.as_view(), name="dicomweb-studies"),
    path("series", qido.SearchSeries.as_view()),
    path("instances", qido.SearchInstances.as_view()),
    path(f"{STUDY}/series", qido.SearchSeries.as_view()),
    path(f"{STUDY}/instances", qido.SearchInstances.as_view()),
    path(f"{SERIES}/instances", qido.SearchInstances.as_view()),
    path(STUDY, dicomweb.Objects.as_view()),
    path(SERIES, dicomweb.Objects.as_view()),
    path(INSTANCE, dicomweb.Objects.as_view()),
    path(f"{STUDY}/metadata", dicomweb.Metadata.as_view(), name="dicomweb-study-metadata"),
    path(f"{SERIES}/metadata", dicomweb.Metadata.as_view(), name="dicomweb-series-metadata"),
    path(f"{INSTANCE}/metadata", dicomweb.Metadata.as_view(), name="dicomweb-instance-metadata"),
    path(FRAMES, dicomweb.Frames.as_view(), name="dicomweb-frames"),
    path(f"{INSTANCE}/rendered", dicomweb.Rendered.as_view(), name="dicomweb-rendered"),
    path(f"{FRAMES}/rendered", dicomweb.Rendered.as_view(), name="dicomweb-frame-rendered"),
    path(f"{STUDY}/thumbnail", dicomweb.Thumbnail.as_view()),
    path(f"{SERIES}/thumbnail", dicomweb.Thumbnail.as_view()),
    path(f"{INSTANCE}/thumbnail", dicomweb.Thumbnail.as_view()),
    path(f"{FRAMES}/thumbnail", dicomweb.Thumbnail.as_view()),
]
