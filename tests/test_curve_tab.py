"""The tab "Accuracy curve" in headless Chromium, and its API."""

import csv

import pytest
from gradio_client import Client

from fgsm.attacks.random_signs import RANDOM_SIGNS
from fgsm.measures.curve import accuracy_curve
from fgsm.recognizers.recognizer import load_recognizer
from fgsm.recognizers.testset import load_test_set

from .driving import tick

CHART = "#curve .chart"
EPSILONS = [0.0, 0.014, 0.3]


@pytest.fixture(scope="module")
def measured():
    """resnet18's curve by the engine itself, in this process."""
    model = load_recognizer("resnet18")
    *_, final = accuracy_curve(model, *load_test_set(model), EPSILONS)
    return model, final


@pytest.fixture
def tab(lasting_page):
    page = lasting_page
    page.get_by_role("tab", name="Accuracy curve").click()
    tick(page, "curve-models", "ResNet-18 ·")
    page.locator("#curve-epsilons input, #curve-epsilons textarea").fill(", ".join(map(str, EPSILONS)))
    return page


def test_epsilons_in_between_are_added_with_one_click(tab):
    field = tab.locator("#curve-epsilons input, #curve-epsilons textarea")
    field.fill("0, 0.5; 0.02, 8/255,")
    for _ in range(2):
        tab.locator("#curve-add").click()
        tab.wait_for_function("field => field.value.endsWith('0.5')", arg=field.element_handle())
    assert field.input_value() == "0, 0.02, 0.03, 8/255, 0.05, 0.5"


def start(tab, state):
    tab.locator("#curve-start").click()
    tab.wait_for_selector(f"{CHART}[data-state={state}]", timeout=120_000)


def point(tab, epsilon):
    return tab.locator(f'{CHART} [data-testid=point][data-epsilon="{epsilon}"]').first


def seen_faces(tab):
    """How many faces the first point on the chart stands for, or 0."""
    label = tab.evaluate(f"document.querySelector('{CHART} [data-testid=point]')?.getAttribute('aria-label')")
    return int(label.split(" recognised correctly")[0].split(" of ")[-1]) if label else 0


def test_the_curve_grows_and_ends_with_the_engines_counts(tab, measured, tmp_path):
    model, curve = measured
    start(tab, "running")
    totals = set()
    while tab.locator(CHART).get_attribute("data-state") == "running":
        totals.add(seen_faces(tab))
        tab.wait_for_timeout(50)
    assert len(totals) > 3 and seen_faces(tab) == curve.total
    assert tab.locator(f"{CHART} [data-testid=point]").count() == len(EPSILONS)

    point(tab, 0.014).hover()
    text = tab.locator(f"{CHART} .tooltip").inner_text()
    assert "ResNet-18, FGSM" in text and "epsilon 0.014 = 3.57/255" in text
    low, high = curve.intervals[1]
    assert f"accuracy {curve.accuracy[1]:.1%} (95% interval {low:.1%} to {high:.1%})" in text
    assert f"{curve.correct[1]} of {curve.total} recognised correctly" in text
    assert f"{curve.fooled[1]} of the {curve.recognised} recognised without an attack are fooled" in text

    point(tab, 0.014).click()
    figures = tab.locator("#curve-faces figure")
    figures.first.wait_for()
    captions = [f"{model.labels[taken]} instead of" for _, taken in curve.examples[1]]
    assert all(
        text.startswith(c) for text, c in zip(figures.locator("figcaption").all_inner_texts(), captions, strict=True)
    )
    assert figures.first.locator("img").count() == 2

    with tab.expect_download() as download:
        tab.locator("#curve-csv").click()
    download.value.save_as(tmp_path / "accuracy.csv")
    rows = list(csv.DictReader((tmp_path / "accuracy.csv").open()))
    assert [float(row["epsilon"]) for row in rows] == EPSILONS
    assert [int(row["correct"]) for row in rows] == curve.correct
    assert [int(row["fooled"]) for row in rows] == curve.fooled
    with tab.expect_download() as download:
        tab.locator("#curve-png").click()
    download.value.save_as(tmp_path / "accuracy.png")
    assert (tmp_path / "accuracy.png").read_bytes().startswith(b"\x89PNG")

    tab.locator("#curve-start").click()
    tab.get_by_text("These were computed before.").wait_for(timeout=10_000)


def test_stop_stops_and_frees_the_machine(tab):
    tick(tab, "curve-models", "ResNet-101")  # which takes its time
    tab.locator("#curve-epsilons input, #curve-epsilons textarea").fill("0, 0.01, 0.011, 0.012, 0.013, 0.02, 0.03")
    start(tab, "running")
    tab.wait_for_function(f"document.querySelectorAll('{CHART} [data-testid=point]').length === 7", timeout=60_000)
    tab.locator("#curve-stop").click()
    tab.wait_for_selector(f"{CHART}[data-state=stopped]", timeout=20_000)
    faces = seen_faces(tab)
    assert 0 < faces < 40
    tab.wait_for_timeout(3000)
    assert seen_faces(tab) == faces and tab.locator(CHART).get_attribute("data-state") == "stopped"
    tab.locator("#curve-epsilons input, #curve-epsilons textarea").fill("0.02")
    tick(tab, "curve-models", "ResNet-18 ·")
    start(tab, "running")  # the only place for a curve is free again
    tab.wait_for_selector(f"{CHART}[data-state=done]", timeout=120_000)


@pytest.mark.parametrize(("text", "sentence"), [("0.1, x", "'x' is not an epsilon"), ("", "at least one epsilon")])
def test_nonsense_gets_a_sentence(tab, text, sentence):
    tab.locator("#curve-epsilons input, #curve-epsilons textarea").fill(text)
    tab.locator("#curve-start").click()
    tab.locator(f"{CHART} .message", has_text=sentence).wait_for(timeout=10_000)


def test_the_api_answers_with_the_engines_counts(url, measured):
    model, curve = measured
    chart, table, _ = Client(url, verbose=False).predict(
        models=["resnet18"], epsilons="0, 0.014", attacks=["FGSM", RANDOM_SIGNS.name], api_name="/curve"
    )
    attacked, control = chart["curves"]
    assert (attacked["correct"], attacked["total"]) == (curve.correct[:2], curve.total)
    *_, expected = accuracy_curve(model, *load_test_set(model), EPSILONS[:2], RANDOM_SIGNS)
    assert control["attack"] == "random signs" and control["correct"] == expected.correct
    path = table["value"] if isinstance(table, dict) else table
    with open(path, newline="") as file:
        assert [int(row["correct"]) for row in csv.DictReader(file)] == curve.correct[:2] + expected.correct
