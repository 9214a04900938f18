"""Static files: what Vite hashed and compressed stays as it is, the rest gets Django's hash in its name.

Hashing a Vite chunk again would break it: chunks import each other by the names that Vite gave them, so the
entry would load twice. Compressing it again would cost minutes: the build writes NAME.gz beside each file.
"""

import re
from collections.abc import Iterator
from typing import Any

from whitenoise.storage import CompressedManifestStaticFilesStorage

BUNDLE = "bundle/"
# Vite: bundle/assets/reading-BPibcVLv.js; Django: css/site.0123456789ab.css. Both may end in .gz.
VITE_NAME = re.compile(r"(^|/)bundle/assets/.+-[\w-]{8}\.[\w.]+$")
DJANGO_NAME = re.compile(r"\.[0-9a-f]{12}(\.[\w-]+)+$")


def is_immutable(path: str, url: str) -> bool:
    """Whether a file's name changes with its content, so that browsers may keep it for ever."""
    return bool(VITE_NAME.search(url) or DJANGO_NAME.search(url))


def is_from_vite(name: str) -> bool:
    """Whether a static file belongs to the front-end bundle."""
    return name.replace("\\", "/").startswith(BUNDLE)


class ViteAwareStaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Django's manifest storage with WhiteNoise's compression, blind to the front-end bundle."""

    # A page that names a file missing from the manifest shows the plain name and does not fail: while the
    # front-end of a checkout is still being built there is no bundle.
    manifest_strict = False

    def post_process(
        self, paths: dict[str, Any], dry_run: bool = False, **options: Any
    ) -> Iterator[tuple[str, str | None, Any]]:
        """Hash and compress all but the bundle."""
        own = {name: source for name, source in paths.items() if not is_from_vite(name)}
        yield from super().post_process(own, dry_run=dry_run, **options)

    def stored_name(self, name: str) -> str:
        """The name under which a file is served."""
        return name if is_from_vite(name) else super().stored_name(name)
