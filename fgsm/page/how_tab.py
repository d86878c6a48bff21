"""The tab "How it works": assets/how/, in the visitor's language, and what has been measured of resisting."""

from dataclasses import asdict
from typing import cast

import gradio as gr

from ..measures.claims import Claim
from ..measures.effort import Effort
from ..recognizers.survey import Checkpoint
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
    """A plain recogniser and a robust one, of one architecture where possible, that met the same attacks and faces."""
    found = service.found().usable.values()

    def claim_of(checkpoint: Checkpoint) -> Claim | None:
        claim = service.evidence.claim(checkpoint)
        return claim if claim and claim.effort == asdict(Effort()) else None  # the texts name how hard was tried

    plain = [checkpoint for checkpoint in found if not checkpoint.config.robust]
    for checkpoint in found:
        if checkpoint.config.robust and (claim := claim_of(checkpoint)):
            for other in sorted(plain, key=lambda other: other.config.architecture != claim.architecture):
                if (beside := claim_of(other)) and _asked(beside) == _asked(claim):
                    return {"epsilon": claim.epsilon, "models": [_resisting(beside), _resisting(claim)]}
    return None


def _asked(claim: Claim) -> tuple[object, ...]:
    return claim.epsilon, claim.photographs, [tried.method for tried in claim.tried]


def _resisting(claim: Claim) -> Resisting:
    names = Left.__annotations__
    left = [cast(Left, {name: getattr(share, name) for name in names}) for share in claim.shares()]
    return {"model": claim.model, "total": claim.total, "warnings": len(claim.warnings), "left": left}
