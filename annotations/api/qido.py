"""QIDO-RS (PS3.18 section 10.6): search in what the Projects of the user hold. No patient is found by an identifier."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpResponseBase
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from rest_framework import exceptions
from rest_framework.request import Request

from annotations.api.dicomweb import DicomWebView, dicom_json, to_text
from annotations.dicom.frames import STORED_TRANSFER_SYNTAX_UID
from annotations.models import Instance, Series, Study

MOST_RESULTS = 5000
MOST_OFFSET = 2**31 - 1
DEFAULT_RESULTS = 1000
CONTROLS = {"limit", "offset", "includefield", "fuzzymatching", "emptyvaluematching", "multiplevaluematching", "accept"}
MODALITY_KEYWORDS = ("Modality", "ModalitiesInStudy")

STUDY_FIELDS = {
    "StudyInstanceUID": "study_instance_uid",
    "StudyDate": "study_date",
    "StudyDescription": "description",
}
SERIES_FIELDS = {
    "SeriesInstanceUID": "series_instance_uid",
    "Modality": "modality",
    "SeriesNumber": "series_number",
    "SeriesDescription": "description",
    "BodyPartExamined": "body_part_examined",
}
INSTANCE_FIELDS = {
    "SOPInstanceUID": "sop_instance_uid",
    "SOPClassUID": "sop_class_uid",
    "InstanceNumber": "instance_number",
    "Rows": "rows",
    "Columns": "columns",
    "NumberOfFrames": "frame_count",
}


def _prefixed(fields: dict[str, str], prefix: str) -> dict[str, str]:
    return {keyword: prefix + field for keyword, field in fields.items()}


FIELDS_OF_SERIES = SERIES_FIELDS | _prefixed(STUDY_FIELDS, "study__")
FIELDS_OF_INSTANCES = (
    INSTANCE_FIELDS | _prefixed(SERIES_FIELDS, "series__") | _prefixed(STUDY_FIELDS, "series__study__")
)


def matching(parameters: Iterable[tuple[str, str]], fields: dict[str, str]) -> Q:
    """The query's attributes as a condition. Raises ParseError for an attribute that cannot be searched by.

    To ignore one would answer with what was not asked for.
    """
    condition = Q()
    for name, value in parameters:
        keyword = _keyword(name)
        if name in CONTROLS or not value:
            continue
        if keyword not in fields:
            raise exceptions.ParseError(f"Searching by {name} is not possible here. Use: {', '.join(sorted(fields))}.")
        condition &= _condition(fields[keyword], keyword, value)
    return condition


def asked(request: Request) -> list[tuple[str, str]]:
    """The query's parameters in their order."""
    return [(name, str(value)) for name, value in request.query_params.items()]


def _keyword(name: str) -> str:
    return keyword_for_tag(name) if re.fullmatch(r"[0-9A-Fa-f]{8}", name) else name


def _condition(field: str, keyword: str, value: str) -> Q:
    vr = dictionary_VR(keyword)
    if "\0" in value:
        raise exceptions.ParseError(f"{keyword} cannot hold a NUL character.")
    try:
        if vr == "UI":
            return Q(**{f"{field}__in": re.split(r"[,\\]", value)})
        if vr == "DA":
            return _date_condition(field, value)
        if vr in ("IS", "US"):
            return Q(**{field: int(value)})
    except ValueError as error:
        raise exceptions.ParseError(f"{keyword} cannot be {value!r}.") from error
    if "*" in value or "?" in value:
        pattern = re.escape(value).replace(r"\*", ".*").replace(r"\?", ".")
        return Q(**{f"{field}__iregex": f"^{pattern}$"})
    return Q(**{f"{field}__in": re.split(r"[,\\]", value)}) if vr == "CS" else Q(**{f"{field}__iexact": value})


def _date_condition(field: str, value: str) -> Q:
    first, dash, last = value.partition("-")
    if not dash:
        return Q(**{field: _date(first)})
    limits = {f"{field}__gte": first, f"{field}__lte": last}
    return Q(**{lookup: _date(text) for lookup, text in limits.items() if text})


def _date(text: str) -> date:
    return datetime.strptime(text, "%Y%m%d").date()


def page(request: Request, found: QuerySet[Any]) -> tuple[list[Any], bool]:
    """The asked part of the results, and whether there are more."""
    try:
        limit = min(int(request.query_params.get("limit") or DEFAULT_RESULTS), MOST_RESULTS)
        offset = int(request.query_params.get("offset") or 0)
    except ValueError as error:
        raise exceptions.ParseError("limit and offset are whole numbers.") from error
    if limit < 0 or not 0 <= offset <= MOST_OFFSET:
        raise exceptions.ParseError(f"limit and offset are not negative, and offset is at most {MOST_OFFSET}.")
    rows = list(found[offset : offset + limit + 1])
    return rows[:limit], len(rows) > limit


def answer(models: Sequence[dict[str, Any]], *, has_more: bool) -> HttpResponseBase:
    response = dicom_json(to_text(model) for model in models)
    if has_more:
        response["Warning"] = '299 mediqa "There are more results; ask for them with offset."'
    return response


def element(keyword: str, *values: Any) -> tuple[str, dict[str, Any]]:
    """One attribute of the DICOM JSON model (PS3.18 annex F); without a value it is there, but empty."""
    present = [value for value in values if value not in (None, "")]
    model: dict[str, Any] = {"vr": dictionary_VR(keyword)}
    if present:
        model["Value"] = present
    return f"{tag_for_keyword(keyword):08X}", model


def study_model(study: Study, url: str, modalities: Iterable[str], series: int, instances: int) -> dict[str, Any]:
    study_date = study.study_date.strftime("%Y%m%d") if study.study_date else ""
    return dict(
        [
            element("StudyDate", study_date),
            element("InstanceAvailability", "ONLINE"),
            element("ModalitiesInStudy", *sorted(modalities)),
            element("RetrieveURL", f"{url}/studies/{study.study_instance_uid}"),
            element("StudyDescription", study.description),
            element("StudyInstanceUID", study.study_instance_uid),
            element("NumberOfStudyRelatedSeries", series),
            element("NumberOfStudyRelatedInstances", instances),
        ]
    )


def series_model(series: Series, url: str, instances: int) -> dict[str, Any]:
    study_uid = series.study.study_instance_uid
    return dict(
        [
            element("Modality", series.modality),
            element("RetrieveURL", f"{url}/studies/{study_uid}/series/{series.series_instance_uid}"),
            element("SeriesDescription", series.description),
            element("BodyPartExamined", series.body_part_examined),
            element("StudyInstanceUID", study_uid),
            element("SeriesInstanceUID", series.series_instance_uid),
            element("SeriesNumber", series.series_number),
            element("NumberOfSeriesRelatedInstances", instances),
        ]
    )


def instance_model(instance: Instance, url: str) -> dict[str, Any]:
    series = instance.series
    path = f"{url}/studies/{series.study.study_instance_uid}/series/{series.series_instance_uid}"
    return dict(
        [
            element("SOPClassUID", instance.sop_class_uid),
            element("SOPInstanceUID", instance.sop_instance_uid),
            element("InstanceAvailability", "ONLINE"),
            element("Modality", series.modality),
            element("RetrieveURL", f"{path}/instances/{instance.sop_instance_uid}"),
            element("StudyInstanceUID", series.study.study_instance_uid),
            element("SeriesInstanceUID", series.series_instance_uid),
            element("InstanceNumber", instance.instance_number),
            element("NumberOfFrames", instance.frame_count),
            element("Rows", instance.rows),
            element("Columns", instance.columns),
            element("BitsAllocated", instance.frame_format.get("bits_allocated")),
            element("AvailableTransferSyntaxUID", STORED_TRANSFER_SYNTAX_UID, instance.transfer_syntax_uid),
        ]
    )


class Search(DicomWebView):
    """What the three levels share: the address in the results, and hidden parents that are not there."""

    def url(self, request: Request) -> str:
        return request.build_absolute_uri("/dicomweb")

    def check_parents(self, request: Request, study: str | None, series: str | None) -> None:
        """Raises Http404 for a Study or Series that the user may not see."""
        if study is None:
            return
        visible: QuerySet[Any] = Study.objects.visible_to(request.user).filter(study_instance_uid=study)
        if series is not None:
            visible = Series.objects.visible_to(request.user).filter(
                study__study_instance_uid=study, series_instance_uid=series
            )
        if not visible.exists():
            raise Http404


class SearchStudies(Search):
    def get(self, request: Request) -> HttpResponseBase:
        parameters = asked(request)
        of_study = [(name, value) for name, value in parameters if _keyword(name) not in MODALITY_KEYWORDS]
        found = Study.objects.visible_to(request.user).filter(matching(of_study, STUDY_FIELDS))
        for name, value in parameters:
            if _keyword(name) in MODALITY_KEYWORDS:
                condition = _condition("modality", "Modality", value)
                series = Series.objects.visible_to(request.user).filter(condition, study=OuterRef("pk"))
                found = found.filter(Exists(series))
        studies, has_more = page(request, found.order_by("pk"))
        return answer(self._models(request, studies), has_more=has_more)

    def _models(self, request: Request, studies: Sequence[Study]) -> list[dict[str, Any]]:
        visible = Instance.objects.visible_to(request.user).filter(series__study__in=studies)
        counts: dict[int, list[tuple[str, int]]] = defaultdict(list)
        by_series = visible.order_by().values_list("series__study", "series", "series__modality")
        for study_id, _, modality, count in by_series.annotate(count=Count("pk")):
            counts[study_id].append((modality, count))
        url = self.url(request)
        return [
            study_model(
                study,
                url,
                {modality for modality, _ in counts[study.pk]},
                len(counts[study.pk]),
                sum(count for _, count in counts[study.pk]),
            )
            for study in studies
        ]


class SearchSeries(Search):
    def get(self, request: Request, study: str | None = None) -> HttpResponseBase:
        self.check_parents(request, study, None)
        found = Series.objects.visible_to(request.user).select_related("study")
        found = found.filter(matching(asked(request), FIELDS_OF_SERIES))
        if study is not None:
            found = found.filter(study__study_instance_uid=study)
        rows, has_more = page(request, found)
        visible = Instance.objects.visible_to(request.user).filter(series__in=rows).order_by()
        counts = dict(visible.values_list("series").annotate(count=Count("pk")))
        url = self.url(request)
        return answer([series_model(one, url, counts.get(one.pk, 0)) for one in rows], has_more=has_more)


class SearchInstances(Search):
    def get(self, request: Request, study: str | None = None, series: str | None = None) -> HttpResponseBase:
        self.check_parents(request, study, series)
        found = Instance.objects.visible_to(request.user).select_related("series__study")
        found = found.filter(matching(asked(request), FIELDS_OF_INSTANCES))
        if study is not None:
            found = found.filter(series__study__study_instance_uid=study)
        if series is not None:
            found = found.filter(series__series_instance_uid=series)
        rows, has_more = page(request, found.defer("metadata", "slice_headers", "display"))
        url = self.url(request)
        return answer([instance_model(one, url) for one in rows], has_more=has_more)
