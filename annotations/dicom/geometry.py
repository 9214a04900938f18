"""Series to Images: which frames form one stack, in which order, with which gaps.

The order comes from the position along the normal of the slices (PS3.3 C.7.6.2.1.1), never from file names.
Frames of
another orientation, size, echo, time point or kind are another stack; what still lies twice at one place is
taken
apart by acquisition, cardiac phase or order of arrival in the header.
"""

import hashlib
import itertools
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from annotations.dicom.slices import SliceHeader, slice_headers

__all__ = ["Gap", "SliceHeader", "Stack", "group_slices", "slice_headers"]

PROJECTIONS = frozenset(
    ["CR", "DX", "MG", "PX", "IO", "RG", "RF", "XA", "ES", "GM", "OP", "OPT", "SM", "XC", "US", "SC", "DOC"]
)
_LOCATED_BY_LOCATION = frozenset(["CT", "MR", "PT"])
_SAME_DIRECTION = 0.01  # difference of a direction cosine: about 0.6 degrees
_SAME_PLACE_MM = 0.01
_GAP_FACTOR = 1.5
_UNEVEN_SHARE = 0.1
_LEAST_TILT_DEGREES = 0.5

Plane = Literal["axial", "coronal", "sagittal", "oblique", ""]


@dataclass(frozen=True)
class Gap:
    """`missing` slices are not there between the slices `after_index` and `after_index` + 1 (from 0)."""

    after_index: int
    missing: int


@dataclass(frozen=True)
class Stack:
    """One Image to be: the frames in stack order, and what is known of their geometry.

    `key` (64 hex digits) stays the same when more slices of the same stack arrive. `spacing_mm`: (slice,
    row, column).
    `gantry_tilt_degrees`: angle between the normal and the direction in which the slices follow; None when
    straight.
    """

    key: str
    series_instance_uid: str
    dimension: Literal["2D", "3D"]
    slices: tuple[SliceHeader, ...]
    spacing_mm: tuple[float | None, float, float] | None = None
    plane: Plane = ""
    is_localizer: bool = False
    is_cine: bool = False
    frame_seconds: float | None = None
    gantry_tilt_degrees: float | None = None
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Group:
    """Frames that belong together so far, and the words that tell them from the others of their Series."""

    words: tuple[str, ...]
    slices: tuple[SliceHeader, ...]


def group_slices(headers: Iterable[SliceHeader]) -> list[Stack]:
    """The stacks of one or more Series, ordered by Series and place; the order of `headers` plays no part."""
    by_series: dict[str, dict[tuple[str, int], SliceHeader]] = defaultdict(dict)
    for header in headers:
        by_series[header.series_instance_uid][header.sop_instance_uid, header.frame_number] = header
    stacks = []
    for series_instance_uid in sorted(by_series):
        frames = sorted(by_series[series_instance_uid].values(), key=_header_order)
        found = [_describe(series_instance_uid, group) for group in _groups(frames)]
        stacks.extend(sorted(found, key=lambda stack: (_header_order(stack.slices[0]), stack.key)))
    return stacks


def _header_order(header: SliceHeader) -> tuple[int, int, str, int]:
    return (
        header.acquisition_number or 0,
        header.instance_number or 0,
        header.sop_instance_uid,
        header.frame_number,
    )


def _groups(frames: Sequence[SliceHeader]) -> list[_Group]:
    groups = []
    for kind, members in _partition(frames, _kind).items():
        if kind[0] == "single":
            groups += [_Group(("single", one.sop_instance_uid), (one,)) for one in members]
        elif kind[0] == "frames":
            groups.append(_Group(("frames", members[0].volume_uid), _by_frame(members)))
        else:
            groups += _located_groups(members, tuple(str(one) for one in kind))
    return groups


def _kind(header: SliceHeader) -> tuple[Hashable, ...]:
    """("single",), ("frames", volume) or ("stack", what must be equal within one stack)."""
    if _is_located(header) and not _is_projection(header):
        spacing = tuple(round(one, 3) for one in header.spacing_mm or ())
        return (
            "stack",
            header.volume_uid,
            header.rows,
            header.columns,
            spacing,
            header.image_type[2:],
            header.echo,
            header.b_value,
        )
    return ("frames", header.volume_uid) if header.frame_count > 1 else ("single", header.sop_instance_uid)


def _is_located(header: SliceHeader) -> bool:
    if header.position_mm is not None and header.orientation is not None:
        return True
    return header.slice_location_mm is not None and header.modality in _LOCATED_BY_LOCATION


def _is_projection(header: SliceHeader) -> bool:
    is_scout = header.modality == "CT" and "LOCALIZER" in header.image_type
    return is_scout or (header.modality in PROJECTIONS and header.frame_count == 1)


def _located_groups(frames: Sequence[SliceHeader], words: tuple[str, ...]) -> list[_Group]:
    groups = []
    for direction, members in _by_orientation(frames):
        places = _places(members)
        base = (*words, *direction)
        if len(members) > 2 and len(set(places)) == 1 and _is_one_volume(members):
            groups.append(_Group((*base, "cine"), tuple(sorted(members, key=_time_order))))
        else:
            groups += _without_duplicates(members, base)
    return groups


def _is_one_volume(frames: Sequence[SliceHeader]) -> bool:
    """True where frames at one place belong together: time points, or a multi-frame object with one position."""
    return bool(frames[0].volume_uid) or _has_moments(frames)


def _has_moments(frames: Sequence[SliceHeader]) -> bool:
    moments = {(one.temporal_position, one.trigger_time_ms) for one in frames}
    return len(moments) == len(frames)


def _time_order(header: SliceHeader) -> tuple[float, float, tuple[int, int, str, int]]:
    return (header.temporal_position or 0, header.trigger_time_ms or 0.0, _header_order(header))


def _by_orientation(
    frames: Sequence[SliceHeader],
) -> list[tuple[tuple[str, ...], list[SliceHeader]]]:
    """Frames whose direction cosines agree; each with words for its direction."""
    clusters: list[tuple[NDArray[np.float64], list[SliceHeader]]] = []
    for header in sorted(frames, key=lambda one: (one.orientation or (), _header_order(one))):
        direction = np.array(header.orientation or (0.0,) * 6)
        for known, members in clusters:
            if np.abs(known - direction).max() < _SAME_DIRECTION:
                members.append(header)
                break
        else:
            clusters.append((direction, [header]))
    return [(_direction_words(members), members) for _, members in clusters]


def _direction_words(members: Sequence[SliceHeader]) -> tuple[str, ...]:
    """One decimal of the median direction: noise in the header must not change a key."""
    median = np.median([one.orientation or (0.0,) * 6 for one in members], axis=0)
    return tuple(f"{one + 0.0:.1f}" for one in np.round(median, 1) + 0.0)


def _without_duplicates(frames: list[SliceHeader], words: tuple[str, ...]) -> list[_Group]:
    """Split until no two frames lie at one place: by time point, else by what tells them apart, else by
    order.
    """
    groups = []
    for moment, members in _partition(frames, lambda one: one.temporal_position).items():
        named = (*words, f"time={moment}")
        if _lies_once(members):
            groups.append(_Group(named, tuple(members)))
            continue
        groups += _split_by_best(members, named)
    return groups


_SEPARATORS: tuple[tuple[str, Callable[[SliceHeader], Hashable]], ...] = (
    ("acquisition", lambda one: one.acquisition_number),
    ("phase", lambda one: one.trigger_time_ms),
    ("acquired", lambda one: one.acquired_at),
)


def _split_by_best(frames: list[SliceHeader], words: tuple[str, ...]) -> list[_Group]:
    places = len(set(_places(frames)))
    for name, separator in _SEPARATORS:
        parts = _partition(frames, separator)
        is_useful = 1 < len(parts) <= 2 * len(frames) / places
        if is_useful and all(_lies_once(part) for part in parts.values()):
            ordered = sorted(parts.items(), key=lambda part: (part[0] is not None, part[0]))
            return [
                _Group(words if index == 0 else (*words, f"{name}={value}"), tuple(part))
                for index, (value, part) in enumerate(ordered)
            ]
    return _split_by_occurrence(frames, words)


def _split_by_occurrence(frames: list[SliceHeader], words: tuple[str, ...]) -> list[_Group]:
    """The first frame at each place, then the second at each place, and so on, in the header's order."""
    seen: dict[float, int] = defaultdict(int)
    parts: dict[int, list[SliceHeader]] = defaultdict(list)
    for place, header in sorted(zip(_places(frames), frames, strict=True), key=lambda one: _header_order(one[1])):
        parts[seen[place]].append(header)
        seen[place] += 1
    return [
        _Group(words if index == 0 else (*words, f"occurrence={index}"), tuple(part))
        for index, part in sorted(parts.items())
    ]


def _lies_once(frames: Sequence[SliceHeader]) -> bool:
    return len(set(_places(frames))) == len(frames)


def _places(frames: Sequence[SliceHeader]) -> list[float]:
    """Position of each frame along the common normal, mm; frames at one place get the same number."""
    positions = _along_normal(frames)
    order = np.argsort(positions, kind="stable")
    places = positions.copy()
    for before, after in itertools.pairwise(order):
        if positions[after] - positions[before] < _SAME_PLACE_MM:
            places[after] = places[before]
    return [float(one) for one in places]


def _along_normal(frames: Sequence[SliceHeader]) -> NDArray[np.float64]:
    normal = _normal(frames[0])
    return np.array([_location(one, normal) for one in frames])


def _location(header: SliceHeader, normal: NDArray[np.float64]) -> float:
    if header.position_mm is None or header.orientation is None:
        return header.slice_location_mm or 0.0
    return float(np.dot(header.position_mm, normal))


def _normal(header: SliceHeader) -> NDArray[np.float64]:
    if header.orientation is None:
        return np.array([0.0, 0.0, 1.0])
    normal = np.cross(header.orientation[:3], header.orientation[3:])
    return np.asarray(normal / np.linalg.norm(normal))


def _by_frame(frames: Iterable[SliceHeader]) -> tuple[SliceHeader, ...]:
    return tuple(sorted(frames, key=lambda one: (one.instance_number or 0, one.sop_instance_uid, one.frame_number)))


def _partition(frames: Iterable[SliceHeader], key: Callable[[SliceHeader], Hashable]) -> dict[Any, list[SliceHeader]]:
    parts: dict[Any, list[SliceHeader]] = defaultdict(list)
    for header in frames:
        parts[key(header)].append(header)
    return parts


def _describe(series_instance_uid: str, group: _Group) -> Stack:
    kind = group.words[0]
    key = hashlib.sha256("\n".join((series_instance_uid, *group.words)).encode()).hexdigest()
    first = group.slices[0]
    plain = Stack(
        key=key,
        series_instance_uid=series_instance_uid,
        dimension="3D" if len(group.slices) > 1 else "2D",
        slices=group.slices,
        spacing_mm=_spacing(first, first.spacing_between_slices_mm),
        plane=_plane(first),
        is_localizer="LOCALIZER" in first.image_type,
        frame_seconds=first.frame_seconds,
    )
    if kind == "frames":
        return replace(plain, is_cine=first.frame_seconds is not None)
    if group.words[-1] == "cine":
        seconds = _phase_seconds(group.slices) or first.frame_seconds
        return replace(plain, is_cine=seconds is not None or _has_moments(group.slices), frame_seconds=seconds)
    return _with_geometry(plain) if kind == "stack" and len(group.slices) > 1 else plain


def _with_geometry(stack: Stack) -> Stack:
    positions = _along_normal(stack.slices)
    order = np.argsort(positions, kind="stable")
    slices = tuple(stack.slices[index] for index in order)
    steps = np.diff(positions[order])
    spacing = float(np.median(steps))
    gaps = tuple(
        Gap(index, max(round(float(step) / spacing) - 1, 1))
        for index, step in enumerate(steps)
        if spacing > 0 and step > _GAP_FACTOR * spacing
    )
    tilt = _tilt_degrees(slices)
    return replace(
        stack,
        slices=slices,
        spacing_mm=_spacing(slices[0], spacing),
        gaps=gaps,
        gantry_tilt_degrees=tilt,
        notes=_notes(slices, steps, spacing, gaps, tilt),
    )


def _notes(
    slices: Sequence[SliceHeader],
    steps: NDArray[np.float64],
    spacing: float,
    gaps: Sequence[Gap],
    tilt: float | None,
) -> tuple[str, ...]:
    notes = []
    missing = sum(gap.missing for gap in gaps)
    if gaps:
        notes.append(f"Slices seem to be missing: about {missing}, between {len(slices)} that are there.")
    regular = steps[steps <= _GAP_FACTOR * spacing]
    if regular.size and np.abs(regular - spacing).max() > _UNEVEN_SHARE * spacing:
        notes.append(f"Slices lie unevenly, {regular.min():.2f} to {regular.max():.2f} mm apart.")
    if tilt is not None:
        notes.append(f"The gantry is tilted by {tilt:.1f} degrees.")
    if slices[0].position_mm is None:
        notes.append("Slices are ordered by SliceLocation, since the position tags are missing.")
    return tuple(notes)


def _tilt_degrees(slices: Sequence[SliceHeader]) -> float | None:
    """Angle between the slices' normal and the straight line through their corners; None where there is
    none.
    """
    positions = [one.position_mm for one in slices if one.position_mm is not None]
    if len(positions) != len(slices) or len(slices) < 3:
        return None
    points = np.array(positions)
    normal = _normal(slices[0])
    travel = points[-1] - points[0]
    length = float(np.linalg.norm(travel))
    if length == 0 or not _is_straight(points, travel / length):
        return None
    angle = float(np.degrees(np.arccos(np.clip(abs(np.dot(travel, normal)) / length, -1, 1))))
    return round(angle, 2) if _LEAST_TILT_DEGREES < angle < 45 else None


def _is_straight(points: NDArray[np.float64], direction: NDArray[np.float64]) -> bool:
    offsets = points - points[0]
    aside = offsets - np.outer(offsets @ direction, direction)
    return bool(np.linalg.norm(aside, axis=1).max() < 1.0)


def _spacing(header: SliceHeader, between: float | None) -> tuple[float | None, float, float] | None:
    if header.spacing_mm is None:
        return None
    return (abs(between) if between else None, *header.spacing_mm)


def _phase_seconds(frames: Sequence[SliceHeader]) -> float | None:
    times = [one.trigger_time_ms for one in frames if one.trigger_time_ms is not None]
    if len(times) < 2 or times[-1] <= times[0]:
        return None
    return (times[-1] - times[0]) / (len(times) - 1) / 1000


def _plane(header: SliceHeader) -> Plane:
    if header.orientation is None:
        return ""
    normal = np.abs(_normal(header))
    names: tuple[Plane, Plane, Plane] = ("sagittal", "coronal", "axial")
    return names[int(normal.argmax())] if normal.max() > 0.9 else "oblique"
