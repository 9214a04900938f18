"""What is written on a page, and which of it is English that has a translation."""

import json
import re
from collections.abc import Iterator

from playwright.sync_api import Page

from mediqa_platform.texts import ROOT, catalogues, read_catalogue

# Text nodes that can be seen, and what a screen reader says. Names of languages are written in their own, those of
# keys as on the keyboard.
VISIBLE = """() => {
  const said = [];
  for (const element of document.querySelectorAll('body *')) {
    if (element.closest('.languages button, kbd, script, noscript') || !element.checkVisibility()) continue;
    for (const name of ['aria-label', 'title', 'alt', 'placeholder', 'aria-valuetext'])
      if (element.getAttribute(name)) said.push(element.getAttribute(name));
    for (const node of element.childNodes) if (node.nodeType === 3) said.push(node.textContent);
  }
  return [...said, document.title.split(' · ')[0]].map(text => text.replace(/\\s+/g, ' ').trim()).filter(Boolean);
}"""
PLACE = re.compile(r"%\(\w+\)s|\{\w+\}")
FRONTEND_NAMES = {"de": "de", "zh_Hans": "zh-hans"}


def visible(page: Page) -> list[str]:
    texts: list[str] = page.evaluate(VISIBLE)
    return texts


def english_in(texts: list[str], locale: str) -> list[str]:
    """Those that are English texts of the product; a word that both languages share is none."""
    patterns = [_pattern(text) for text in _translated(locale)]
    return [text for text in texts if any(pattern.fullmatch(text) for pattern in patterns)]


def _translated(locale: str) -> Iterator[str]:
    server = [(message.id, message.string) for message in read_catalogue(catalogues()[locale]) if message.id]
    page = json.loads((ROOT / f"frontend/src/locales/{FRONTEND_NAMES[locale]}.json").read_text("utf-8")).items()
    theirs = {form for _, translated in (*server, *page) for form in _forms(translated)}
    for original, _ in (*server, *page):
        for form in _forms(original):
            if re.search("[A-Za-z]{2}", PLACE.sub("", form)) and form not in theirs:
                yield form.replace("%%", "%")


def _forms(text: object) -> list[str]:
    if isinstance(text, dict):
        return [str(form) for form in text.values()]
    return [text] if isinstance(text, str) else [str(form) for form in text]  # type: ignore[attr-defined]


def _pattern(text: str) -> re.Pattern[str]:
    without_remark = re.sub(r" \[[^\]]*\]$", "", text)
    return re.compile(".+".join(re.escape(part) for part in PLACE.split(without_remark)), re.S)
