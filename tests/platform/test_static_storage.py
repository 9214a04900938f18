import gzip
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command

from mediqa_platform.static_storage import is_immutable

CHUNK = "bundle/assets/reading-BPibcVLv.js"
ENTRY = 'import("./lossless-BZe8yNKi.js"); //# sourceMappingURL=reading-BPibcVLv.js.map\n' * 200


@pytest.fixture
def collected(tmp_path: Path, settings) -> Path:
    """Static files as `collectstatic` leaves them: a bundle as Vite writes it, and a style sheet of ours."""
    source = tmp_path / "source"
    for name, text in {
        CHUNK: ENTRY,
        f"{CHUNK}.gz": "made by the build",
        "site/site.css": "a { color: red }\n" * 99,
    }.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    settings.STATICFILES_DIRS = [source]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "mediqa_platform.static_storage.ViteAwareStaticFilesStorage"}
    }
    call_command("collectstatic", interactive=False, verbosity=0)
    return tmp_path / "static"


def test_vite_files_keep_name_content_and_compression(collected):
    names = sorted(path.name for path in (collected / "bundle" / "assets").iterdir())
    assert names == ["reading-BPibcVLv.js", "reading-BPibcVLv.js.gz"]
    assert (collected / CHUNK).read_text() == ENTRY
    assert (collected / f"{CHUNK}.gz").read_text() == "made by the build"
    assert staticfiles_storage.url(CHUNK) == f"/static/{CHUNK}"


def test_our_files_get_a_hash_and_are_compressed(collected):
    url = staticfiles_storage.url("site/site.css")
    assert is_immutable("", url)
    stored = collected / url.removeprefix("/static/")
    assert gzip.decompress(stored.with_name(f"{stored.name}.gz").read_bytes()) == stored.read_bytes()


@pytest.mark.parametrize(
    ("url", "is_kept_for_ever"),
    [
        (f"/static/{CHUNK}", True),
        ("/static/bundle/assets/openjphjs-odeu-u12.wasm", True),
        ("/static/bundle/assets/charlswasm_decode-CEN7ucFR.wasm", True),
        ("/static/bundle/manifest.json", False),
        ("/static/site/site.0123456789ab.css", True),
        ("/static/site/site.css", False),
        ("/static/staticfiles.json", False),
    ],
)
def test_only_names_that_change_with_their_content_are_immutable(url, is_kept_for_ever):
    assert is_immutable("", url) is is_kept_for_ever
