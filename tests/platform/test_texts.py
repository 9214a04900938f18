"""The server's texts: every one translated, in every language that is offered."""

import ast
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from rest_framework.test import APIClient

from annotations.models import Job, JobKind, Role
from inference import words
from inference.mediqa.faults import FAULTS, faults_of
from inference.mediqa.prompt import VOCABULARY
from mediqa_platform.texts import CATALOGUES, PACKAGES, ROOT, catalogues, compile_texts, gather_texts, read_catalogue
from tests.factories import make_member, make_project, make_user

FOUND = catalogues()
HEADER = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
DJANGO_TAG = re.compile(r"{%\s*blocktranslate.*?endblocktranslate\s*%}|{%.*?%}|{{.*?}}", re.S)
PLACEHOLDER = re.compile(r"%\(\w+\)s|%%|%")


def forms(text: object) -> list[str]:
    return [text] if isinstance(text, str) else list(text)  # type: ignore[call-overload]


def test_every_language_that_is_offered_has_a_catalogue() -> None:
    offered = {code.lower() for code, _ in settings.LANGUAGES} - {"en"}
    assert {name.replace("_", "-").lower() for name in FOUND} == offered
    assert {path.stem for path in (ROOT / "frontend/src/locales").glob("*.json")} == offered


@pytest.mark.parametrize("name", FOUND)
def test_catalogue_has_every_text_and_no_other(name: str) -> None:
    wanted = {message.id for message in gather_texts() if message.id}
    there = {message.id for message in read_catalogue(FOUND[name]) if message.id}
    assert (wanted - there, there - wanted) == (set(), set()), "run manage.py update_texts"


@pytest.mark.parametrize("name", FOUND)
def test_translations_are_there_sure_and_keep_their_placeholders(name: str) -> None:
    catalogue = read_catalogue(FOUND[name])
    wrong = []
    for message in catalogue:
        if not message.id:
            continue
        known = [sorted(PLACEHOLDER.findall(form)) for form in forms(message.id)]
        translated = forms(message.string)
        is_complete = all(translated) and (isinstance(message.id, str) or len(translated) == catalogue.num_plurals)
        if (
            message.fuzzy
            or not is_complete
            or any(sorted(PLACEHOLDER.findall(form)) not in known for form in translated)
        ):
            wrong.append((message.id, message.string))
    assert wrong == []


def test_templates_have_no_words_that_no_catalogue_reaches() -> None:
    bare = []
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.html")):
        source = DJANGO_TAG.sub("", path.read_text())
        shown = re.findall(r">([^<]+)<", source) + re.findall(r'(?:aria-label|title|alt)="([^"]+)"', source)
        left = [re.sub("MedIQA( Platform)?|manage.py up|Authorization: Token", "", text) for text in shown]
        bare += [(path.name, text.strip()) for text in left if re.search(r"[A-Za-z]{2}", text)]
    assert bare == []


def test_words_of_the_pure_package_are_marked() -> None:
    asked: set[str] = set()
    for severity in (0.0, 0.2, 0.5, 0.9):
        physical = {name: fault.curve.at(severity) for name, fault in FAULTS.items()}
        faults_of(physical, lambda text: asked.add(text) or text)  # type: ignore[func-returns-value]
    assert asked == {*words.FAULTS, *words.MEASURES, *words.DEGREES, words.WITH_DEGREE}
    prompt = {word.replace("_", " ") for factor in VOCABULARY for word in (factor, *VOCABULARY[factor])}
    names = {word for word in prompt if word != word.lower() or word[0].isdigit()}
    assert prompt - names - set(words.PROMPT) - words.SAME_EVERYWHERE == set()


def test_sentences_that_are_stored_are_patterns_that_a_catalogue_can_hold() -> None:
    """With a value written into it, a sentence would be found in no catalogue."""
    made = {"RefusedFile", "SourceRefusal", "Refusal", "UnscorableImage", "Sentence"}
    wrong = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in made
        if any(
            isinstance(argument, ast.JoinedStr | ast.BinOp)
            for argument in call.args[1 - (call.func.id == "Sentence") :]
        )
    ]
    assert wrong == []


def test_without_a_sound_catalogue_texts_stay_english(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    broken = tmp_path / "source" / "de" / "LC_MESSAGES"
    broken.mkdir(parents=True)
    (broken / "django.po").write_text(f'{HEADER}msgid "Projects"\nProjekte\n')
    compile_texts(tmp_path / "out", tmp_path / "source")
    assert not list(tmp_path.rglob("*.mo"))
    compile_texts(broken / "django.po", CATALOGUES)  # no folder
    assert len([one for one in caplog.records if "stay English" in one.message]) == 1 + len(FOUND)


def test_texts_are_compiled_again_when_the_catalogue_changed(tmp_path: Path) -> None:
    source = tmp_path / "source" / "de" / "LC_MESSAGES" / "django.po"
    source.parent.mkdir(parents=True)
    compiled = tmp_path / "out" / "de" / "LC_MESSAGES" / "django.mo"
    for text in ("Projekte", "Vorhaben"):
        source.write_text(f'{HEADER}msgid "Projects"\nmsgstr "{text}"\n')
        compile_texts(tmp_path / "out", tmp_path / "source")
        assert text.encode() in compiled.read_bytes()
        compile_texts(tmp_path / "out", tmp_path / "source")
    assert sorted(path.name for path in compiled.parent.iterdir()) == ["django.mo", "django.mo.sha256"]


@pytest.mark.django_db
def test_language_is_chosen_without_javascript_and_before_the_sign_in() -> None:
    make_user()
    client = Client()
    page = client.get("/sign-in/").content.decode()
    assert '<html lang="en" dir="ltr">' in page
    assert 'value="de" lang="de">Deutsch</button>' in page
    answer = client.post("/language/", {"language": "zh-hans", "next": "/sign-in/"})
    assert (answer.status_code, answer["Location"]) == (302, "/sign-in/")
    page = client.get("/sign-in/").content.decode()
    assert '<html lang="zh-hans" dir="ltr">' in page
    assert "<h1>登录</h1>" in page
    away = client.post("/language/", {"language": "de", "next": "https://elsewhere.example/"})
    assert away["Location"] == "/"


@pytest.mark.django_db
def test_page_follows_the_browser_until_one_chooses() -> None:
    make_user()
    page = Client(headers={"Accept-Language": "de-CH,de;q=0.9,en;q=0.5"}).get("/sign-in/").content.decode()
    assert "<h1>Anmelden</h1>" in page
    page = Client(headers={"Accept-Language": "fi"}).get("/sign-in/").content.decode()
    assert "<h1>Sign in</h1>" in page


@pytest.mark.django_db
def test_right_to_left_language_says_so(settings) -> None:
    settings.LANGUAGES = [("en", "English"), ("ar", "العربية")]
    make_user()
    page = Client(headers={"Accept-Language": "ar"}).get("/sign-in/").content.decode()
    assert '<html lang="ar" dir="rtl">' in page
    assert "<h1>Sign in</h1>" in page


@pytest.mark.django_db
def test_api_says_its_sentences_in_the_language_and_its_codes_in_none() -> None:
    project = make_project()
    reader = make_member(project, Role.READER)
    bodies = []
    for language in ("en", "de"):
        client = APIClient(headers={"Accept-Language": language})
        client.force_login(reader)
        answer = client.put("/api/v1/preferences/", {"keys": {"note": ["Escape"]}}, format="json")
        bodies.append(answer.json()["errors"][0])
    assert [body["code"] for body in bodies] == ["reserved_key", "reserved_key"]
    assert [body["detail"] for body in bodies] == [
        "The key Escape cannot be given to “Write a note”: it leaves what was begun.",
        "Die Taste Escape kann nicht für „Notiz schreiben“ vergeben werden: sie bricht Begonnenes ab.",
    ]


@pytest.mark.django_db
def test_what_is_stored_is_the_same_in_every_language(settings) -> None:
    project = make_project()
    manager = make_member(project, Role.MANAGER)
    job = Job.objects.create(project=project, kind=JobKind.INGEST, phase="Reading files")
    client = APIClient(headers={"Accept-Language": "de"})
    client.force_login(manager)
    told = client.get(f"/api/v1/jobs/{job.pk}/").json()
    assert (told["kind"], told["state"], told["phase"]) == ("ingest", job.state, "Dateien werden gelesen")
    assert client.post(f"/api/v1/jobs/{job.pk}/cancel/").json()["message"] == "Abgebrochen."
    job.refresh_from_db()
    assert (job.phase, job.message) == ("Reading files", "Cancelled.")
