"""How tests use the page: as a visitor does, through a browser, and as a program does, through its API."""

import base64
import io
import json

import httpx
import numpy as np
from PIL import Image

from fgsm.page.controls import described
from fgsm.places import BUILTIN_FACES
from fgsm.recognizers.survey import available_recognizers

from .conftest import STAGE_DONE

STAGE = "#viewer .stage"
SLIDER = "#epsilon input[type=range]"
OPENING = BUILTIN_FACES / "person_24" / "06.png"


def stage(page, name):
    return page.locator(STAGE).get_attribute(f"data-{name}")


def shown(page, name):
    return page.locator(f'{STAGE} [data-show="{name}"]').first.inner_text()


def pixels(page, name):
    """The canvas as it stands, uint8 (H, W, 3)."""
    url = page.evaluate("name => document.querySelector(`canvas[data-testid=${name}]`).toDataURL('image/png')", name)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB"))


def set_epsilon(page, value):
    """Move the slider as a finger does: the native value, then an input event."""
    page.evaluate(
        """([selector, value]) => {
          const range = document.querySelector(selector);
          Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(range, value);
          range.dispatchEvent(new Event('input', {bubbles: true}));
        }""",
        [SLIDER, str(value)],
    )


def choose_sample(page, index):
    before = stage(page, "ready")
    page.locator("#samples .film button").nth(index).click()
    page.wait_for_selector(f'{STAGE_DONE}:not([data-ready="{before}"])', timeout=60_000)


def pick_model(page, name):
    """Choose a recogniser, and do not wait for what it says."""
    page.locator("#model input").click()
    offered = described(name, available_recognizers()[name], "en")
    page.get_by_role("option", name=offered, exact=True).click()


def choose_model(page, name):
    """Choose another recogniser than the one that is chosen."""
    before = stage(page, "ready")
    pick_model(page, name)
    page.wait_for_selector(f'{STAGE_DONE}:not([data-ready="{before}"])', timeout=120_000)


def tick(page, group, *names):
    """Choose these and no others in a group of checkboxes."""
    for label in page.locator(f"#{group} label").all():
        label.locator("input").set_checked(any(name in label.inner_text() for name in names))


def call(url, endpoint, *data):
    """The server's answer to hand-made `data`, as text, without gradio_client's own checks."""
    body = json.dumps({"data": data}, allow_nan=True)
    headers = {"content-type": "application/json"}
    with httpx.Client(base_url=f"{url}/gradio_api/call/", timeout=30) as client:
        sent = client.post(endpoint, content=body, headers=headers)
        assert sent.status_code < 500
        if sent.status_code != 200:
            return sent.text
        return client.get(f"{endpoint}/{sent.json()['event_id']}").text
