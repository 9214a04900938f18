"""The server's texts in other languages: gathered from the sources, kept as .po, compiled into the data folder.

Babel does what GNU gettext would: no machine needs more than Python. A catalogue that cannot be compiled is as none:
the texts stay English.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
from collections.abc import Iterator
from contextlib import redirect_stderr, suppress
from pathlib import Path
from uuid import uuid4

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[1]
CATALOGUES = Path(__file__).resolve().parent / "locale"
PACKAGES = ("annotations", "inference", "mediqa_platform")
# What only developers and administrators at a terminal read stays English.
LEFT_OUT = {"migrations", "management", "supervisor", "settings", "cli", "pretraining", "benchmark"}
KEYWORDS = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop")),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    # Stored in English, told in the language of who asks.
    **dict.fromkeys(("RefusedFile", "UnscorableImage", "Refusal"), (2,)),
    "SourceRefusal": (3,),
    "Sentence": None,
}
ACTIONS = Path("annotations") / "reading_actions.json"
MO = "django.mo"


def catalogues(folder: Path = CATALOGUES) -> dict[str, Path]:
    """The .po file of each language, by its name as a locale: `zh_Hans`."""
    return {path.parents[1].name: path for path in sorted(folder.glob("*/LC_MESSAGES/django.po"))}


def read_catalogue(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parents[1].name, abort_invalid=True)


def gather_texts(root: Path = ROOT) -> Catalog:
    """Every text of Python and templates that is to be translated, with the files that it stands in."""
    found = Catalog(project="MedIQA Platform", charset="utf-8", fuzzy=False)
    for path in _sources(root):
        name = path.relative_to(root).as_posix()
        for line, message, _comments, context in _texts_of(path):
            found.add(message, None, [(name, line)], context=context)
    for action in json.loads((root / ACTIONS).read_text("utf-8")):
        found.add(action["label"], None, [(ACTIONS.as_posix(), 1)])
    return found


def update_catalogue(path: Path, texts: Catalog) -> Catalog:
    """Bring a .po file in line with the sources; what is new is empty, what is gone is left out. Returns it."""
    catalogue = read_catalogue(path)
    created = catalogue.creation_date
    catalogue.update(texts, no_fuzzy_matching=True)
    catalogue.creation_date = created  # else every run would be a change
    path.write_bytes(written(catalogue))
    return catalogue


def written(catalogue: Catalog) -> bytes:
    out = io.BytesIO()
    write_po(out, catalogue, width=120, sort_output=True, include_lineno=False, ignore_obsolete=True)
    return out.getvalue()


def compile_texts(folder: Path, catalogues_folder: Path = CATALOGUES) -> None:
    """Write the .mo file of each catalogue below `folder`, where it is not there as the .po file is now."""
    for name, path in catalogues(catalogues_folder).items():
        try:
            _compile(path, folder / name / "LC_MESSAGES")
        except Exception as error:
            logger.warning("the texts in %s are not to be had, they stay English: %s", name, error)


def _compile(path: Path, folder: Path) -> None:
    digest, stamp = hashlib.sha256(path.read_bytes()).hexdigest(), folder / f"{MO}.sha256"
    with suppress(OSError):
        if (folder / MO).exists() and stamp.read_text("ascii") == digest:
            return
    out = io.BytesIO()
    write_mo(out, read_catalogue(path))
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / MO, out.getvalue())
    _replace(stamp, digest.encode("ascii"))


def _replace(path: Path, content: bytes) -> None:
    """Whole or not at all: several processes may begin at once."""
    draft = path.with_name(f"{path.name}.{uuid4().hex}")
    draft.write_bytes(content)
    draft.replace(path)


def _sources(root: Path) -> Iterator[Path]:
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*")):
            if path.suffix in (".py", ".html") and not LEFT_OUT.intersection(path.relative_to(root).parts):
                yield path


def _texts_of(path: Path) -> Iterator[tuple[int, str | tuple[str, ...], list[str], str | None]]:
    source = path.read_text("utf-8")
    if path.suffix == ".html":
        # Django's words for Python's extractor; indentation means nothing in a template.
        source = "\n".join(line.lstrip() for line in templatize(source).splitlines())
    with redirect_stderr(io.StringIO()):  # a refusal with a value in it is no mistake: its sentence stays English
        yield from extract("python", io.BytesIO(source.encode()), keywords=KEYWORDS)
