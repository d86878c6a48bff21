"""The tab that explains: the same in every language, and readable."""

import re

import pytest

from fgsm.places import PROJECT
from fgsm.texts import TEXTS

PAGES = {language: (PROJECT / "assets" / "how" / f"{language}.md").read_text("utf-8") for language in TEXTS}


def test_the_languages_explain_the_same():
    first, *others = PAGES.values()
    for pattern in (r"^## ", r"\$\$", r"\]\(https://arxiv\.org/abs/\d{4}\.\d{5}\)", r"^- "):
        assert len(re.findall(pattern, first, re.M)) > 1
        for other in others:
            assert len(re.findall(pattern, other, re.M)) == len(re.findall(pattern, first, re.M))
    for other in others:
        assert re.findall(r"https://\S+\)", other) == re.findall(r"https://\S+\)", first)


@pytest.mark.parametrize(("locale", "heading"), [("en-US", "What epsilon means"), ("es-ES", "Qué significa epsilon")])
def test_it_is_shown_with_its_formula(browser, url, locale, heading):
    context = browser.new_context(locale=locale, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{url}/?tab=how")
    page.get_by_role("heading", name=heading).wait_for(timeout=15_000)
    page.locator("#how .katex-display").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
