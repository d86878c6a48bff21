"""The tab "How it works": assets/how/, in the visitor's language, and what has been measured of resisting."""

from typing import cast

import gradio as gr

from ..measures.claims import Claim
from .drawings import I18N, drawn_by
from .messages import Left, Resisting, ResistMessage
from .service import Service

FORMULAS: list[dict[str, str | bool]] = [
    {"left": "$$", "right": "$$", "display": True},
    {"left": "$", "right": "$", "display": False},
]


def build(page: gr.Blocks, service: Service) -> None:
    """Lay out the tab."""
    with gr.Column(elem_id="how"):
        gr.Markdown(I18N("how"), latex_delimiters=FORMULAS)
        if measured := resisting(service):
            drawn_by("resist", elem_id="resist", value=measured)
        gr.Markdown(I18N("how.rest"), latex_delimiters=FORMULAS)


def resisting(service: Service) -> ResistMessage | None:
    """A robust recogniser beside a plain one, if can be of its architecture, that met the same attacks and faces."""
    found = service.found().usable.values()
    claims = [claim for claim in map(service.evidence.claim, found) if claim]
    robust = [claim for claim in claims if claim.recipe.get("adversarial_epsilon")]
    for one in robust:
        plain = [other for other in claims if other not in robust and _asked(other) == _asked(one)]
        for other in sorted(plain, key=lambda other: other.architecture != one.architecture):
            return {"epsilon": one.epsilon, "models": [_resisting(other), _resisting(one)]}
    return None


def _asked(claim: Claim) -> tuple[object, ...]:
    return claim.epsilon, claim.photographs, [tried.method for tried in claim.tried]


def _resisting(claim: Claim) -> Resisting:
    names = Left.__annotations__
    left = [cast(Left, {name: getattr(share, name) for name in names}) for share in claim.shares()]
    return {"model": claim.model, "total": claim.total, "left": left}
