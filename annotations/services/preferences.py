"""How a reader works: which key does what, and what the mouse buttons do. Stored with the user, in sections.

The actions are one list, `reading_actions.json`: the reading page's toolbar, keys, help and settings are made from it,
and what a reader asks for is held against it here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_stubs_ext import StrOrPromise

from annotations.errors import (
    DuplicateKey,
    ReservedKey,
    UnknownAction,
    UnknownKey,
    UnknownMouseTool,
    UnknownSection,
    WrongKeyCount,
)
from annotations.models import User
from annotations.services.hanging import check_hangings

ACTIONS_FILE = Path(__file__).resolve().parents[1] / "reading_actions.json"
MOUSE_TOOLS: Mapping[str, tuple[str, ...]] = {
    "left": ("window", "zoom", "pan", "scroll"),
    "middle": ("pan", "window", "zoom", "scroll"),
    "right": ("zoom", "window", "pan", "scroll"),
    "wheel": ("scroll", "zoom"),
}
RESERVED: Mapping[str, StrOrPromise] = {
    "Tab": gettext_lazy("it moves the focus"),
    "Shift+Tab": gettext_lazy("it moves the focus"),
    "Escape": gettext_lazy("it leaves what was begun"),
    **{f"F{number}": gettext_lazy("it belongs to the browser") for number in range(1, 13)},
}
# As the page names key presses: a sign (letters as capitals), a digit with or without Shift, or one of these.
_NAMED = "Space|Enter|Home|End|PageUp|PageDown|ArrowUp|ArrowDown|ArrowLeft|ArrowRight|Insert|Delete|Backspace"
_CHORD = re.compile(rf"(?:[^\s\x00-\x1f\x7f]|Shift\+\d|{_NAMED})")
_MOST_KEYS = 4


@dataclass(frozen=True)
class ReadingAction:
    """One thing that can be done in the reading room. `by_place`: the n-th key does the n-th thing of its kind."""

    id: str
    label: str
    group: str
    keys: tuple[str, ...]
    fixed_keys: tuple[str, ...] = ()
    by_place: bool = False
    icon: str = ""

    @property
    def is_changeable(self) -> bool:
        return bool(self.keys)


@cache
def reading_actions() -> tuple[ReadingAction, ...]:
    listed = json.loads(ACTIONS_FILE.read_text("utf-8"))
    return tuple(
        ReadingAction(**{**one, "keys": tuple(one["keys"]), "fixed_keys": tuple(one.get("fixed_keys", ()))})
        for one in listed
    )


def preferences_of(user: User) -> dict[str, Any]:
    """What the user chose; the first tool of each button where they chose none. Keys that they left are not named."""
    stored = user.reading_preferences
    chosen = stored.get("mouse", {})
    mouse = {button: chosen.get(button, tools[0]) for button, tools in MOUSE_TOOLS.items()}
    return {"keys": stored.get("keys", {}), "mouse": mouse, "hangings": stored.get("hangings", {})}


@transaction.atomic
def set_preferences(*, user: User, **sections: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the sections that are named; the others stay as they are, those of other versions too.

    `keys` names only the actions whose keys differ from the list's. `hangings` are ways to hang images, by the names
    that cases give.

    Raises:
        UnknownSection: there is no such section.
        UnknownAction, UnknownKey, ReservedKey, WrongKeyCount, DuplicateKey, UnknownMouseTool, BadHanging: nothing is
            stored.
    """
    if unknown := sorted(set(sections) - set(_CHECKS)):
        raise UnknownSection(
            _("There is nothing to be set that is named %(unknown)s.") % {"unknown": ", ".join(unknown)}
        )
    for name, chosen in sections.items():
        _CHECKS[name](chosen)
    stored = User.objects.select_for_update(no_key=True).get(pk=user.pk).reading_preferences
    user.reading_preferences = stored | {name: dict(chosen) for name, chosen in sections.items()}
    user.save(update_fields=["reading_preferences"])
    return preferences_of(user)


def _check_keys(keys: Mapping[str, Sequence[str]]) -> None:
    actions = {action.id: action for action in reading_actions() if action.is_changeable}
    if unknown := sorted(set(keys) - set(actions)):
        raise UnknownAction(
            _("There is no action named %(unknown)s whose keys can be changed.") % {"unknown": ", ".join(unknown)}
        )
    for name, chords in keys.items():
        _check_chords(actions[name], chords)
    _check_duplicates(keys)


def _check_chords(action: ReadingAction, chords: Sequence[str]) -> None:
    for chord in chords:
        if chord in RESERVED:
            raise ReservedKey(
                _("The key %(chord)s cannot be given to “%(label)s”: %(reason)s.")
                % {"chord": chord, "label": _(action.label), "reason": RESERVED[chord]}
            )
        if not _CHORD.fullmatch(chord) or (chord != chord.upper() and len(chord) == 1):
            raise UnknownKey(_("%(chord)s is not the name of a key that can be chosen.") % {"chord": repr(chord)})
    if action.by_place and len(chords) != len(action.keys):
        raise WrongKeyCount(
            _("“%(label)s” needs %(keys)s keys, one for each place.")
            % {"label": _(action.label), "keys": len(action.keys)}
        )
    if not 1 <= len(chords) <= max(_MOST_KEYS, len(action.keys)):
        raise WrongKeyCount(
            _("“%(label)s” takes one to %(count)s keys.") % {"label": _(action.label), "count": _MOST_KEYS}
        )


def _check_duplicates(keys: Mapping[str, Sequence[str]]) -> None:
    taken: dict[str, str] = {}
    for action, chord in _all_keys(keys):
        if chord in taken:
            raise DuplicateKey(
                _("The key %(chord)s would mean both “%(other)s” and “%(label)s”.")
                % {"chord": chord, "other": _(taken[chord]), "label": _(action.label)}
            )
        taken[chord] = action.label


def _all_keys(keys: Mapping[str, Sequence[str]]) -> Iterator[tuple[ReadingAction, str]]:
    for action in reading_actions():
        for chord in (*keys.get(action.id, action.keys), *action.fixed_keys):
            yield action, chord


def _check_mouse(mouse: Mapping[str, str]) -> None:
    for button, tool in mouse.items():
        if tool not in MOUSE_TOOLS.get(button, ()):
            raise UnknownMouseTool(
                _("The mouse has no “%(button)s” that could be set to “%(tool)s”.") % {"button": button, "tool": tool}
            )


_CHECKS: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
    "keys": _check_keys,
    "mouse": _check_mouse,
    "hangings": check_hangings,
}
