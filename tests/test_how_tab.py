"""The tab that explains: the same in every language, and readable."""

import re

import pytest

from fgsm.places import PROJECT
from fgsm.texts import TEXTS

from .conftest import open_page

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
    size = {"width": 390, "height": 844}
    with open_page(browser, f"{url}/?tab=how", "#how .katex-display", locale=locale, viewport=size) as page:
        page.get_by_role("heading", name=heading).wait_for(timeout=15_000)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
