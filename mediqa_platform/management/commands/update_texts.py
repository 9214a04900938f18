from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.messages.catalog import Catalog
from django.core.management.base import BaseCommand, CommandError, CommandParser

from mediqa_platform.texts import CATALOGUES, catalogues, gather_texts, update_catalogue, written


class Command(BaseCommand):
    help = "Brings the catalogues of other languages in line with the sources. Names a new language: begins its file."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("locale", nargs="?", help="a language that has no catalogue yet, for instance fr or pt_BR")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["locale"]:
            self._begin(options["locale"])
        texts = gather_texts()
        for name, path in catalogues().items():
            catalogue = update_catalogue(path, texts)
            missing = sum(1 for message in catalogue if message.id and not _is_translated(message.string))
            self.stdout.write(f"{name}: {len(catalogue)} texts, {missing} to translate")

    def _begin(self, name: str) -> None:
        try:
            Locale.parse(name)
        except (UnknownLocaleError, ValueError) as error:
            raise CommandError(f"{name} is not the name of a language, as in de or zh_Hans.") from error
        path: Path = CATALOGUES / name / "LC_MESSAGES" / "django.po"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(written(Catalog(locale=name, project="MedIQA Platform", fuzzy=False)))


def _is_translated(forms: Any) -> bool:
    return all(forms) if isinstance(forms, (list, tuple)) else bool(forms)
