"""All recognisers at once: whom each takes the face on the stage for, at every 8-bit image along the slider."""

from collections.abc import Iterator
from dataclasses import replace

from torch import Tensor

from ..attacks import Aim
from ..attacks.attack import aimed
from ..measures.report import aim_at
from ..measures.sweep import distinct_8bit
from ..recognizers.enrolled import SHARPNESS
from ..recognizers.recognizer import Recognizer
from ..recognizers.scoring import score
from ..recognizers.survey import in_order
from ..texts import Refused
from .controls import View, view_of
from .lent_gpu import on_gpu
from .messages import LaneMessage, LanesMessage
from .own_picture import framed_for
from .photographs import encode, reference_photograph
from .service import Chosen, Own, Service
from .stage import part_of, scoring_order
from .staging import expected
from .visit import Face, StageEvent, label_of, prepared


def show_lanes(event: StageEvent) -> Iterator[LanesMessage]:
    """A lane for each recogniser, one after the other, until the stage turns to something else.

    The browser says on which recogniser the perturbation is to be made, or "" for each on itself.
    """
    visit, face = event.visit, event.face(event.view())
    [maker] = event.told("made_on")
    models: dict[str, Chosen] = {**event.service.found().usable, **visit.recognizers}
    if face is None or maker not in ("", *models):  # whatever it is, and be it no text
        raise Refused("refused.request")
    visit.lanes = (shown := visit.attack, visit.lanes[1] + 1)
    current, lanes = visit.lanes, list[LaneMessage]()
    for name in in_order({name: chosen.config for name, chosen in models.items()}):
        before = lanes
        for lane in lane_of(event, models[name], models.get(maker), face):
            if visit.lanes != current or visit.attack != shown:
                return
            lanes = [*before, lane]
            yield {
                "id": shown,
                "made_on": maker,
                "models": [*in_order({name: one.config for name, one in models.items()})],
                "lanes": lanes,
            }


def lane_of(event: StageEvent, chosen: Chosen, maker: Chosen | None, face: Face) -> Iterator[LaneMessage]:
    """More and more of what the recogniser says of the face, attacked by its own gradient or by that of `maker`.

    A maker that is shown other pixels of a face cannot attack it for this one.
    """
    service, view = event.service, view_of(event.controls, chosen, event.visit.target)
    if maker is None or not shown_alike(maker, chosen):
        maker = chosen
    finished, key = service.results("lanes"), (face.source, replace(view, epsilon=0.0), maker)
    if (kept := finished.get(key)) is not None:
        yield kept
        return
    try:
        framed, _ = framed_for(event, view, face)
        tensor = prepared(service, chosen, framed, event.caller)
        with service.computer.work(event.caller, *expected(view)) as work:
            for lane in service.stream(work, answered, service, view, maker, tensor, face.person):
                yield lane
    except Refused as error:
        yield {**nothing_of(view, maker), "problem": error.sentence(event.language)}
        return
    if face.shared and not isinstance(chosen, Own) and not isinstance(maker, Own):
        finished.put(key, lane)


def shown_alike(one: Chosen, other: Chosen) -> bool:
    """Whether both are shown the same pixels of a face."""
    return all(getattr(one.config, entry) == getattr(other.config, entry) for entry in ("framing", "input_size"))


def nothing_of(view: View, maker: Chosen) -> LaneMessage:
    """A lane without an answer."""
    config = view.model.config
    return {
        "model": view.model.name,
        "made_on": maker.name,
        "problem": "",
        "labels": tuple(config.labels),
        "attacked": 0,
        "target": None,
        "unknown": config.unknown,
        "threshold": config.threshold,
        "sharpness": SHARPNESS,
        "epsilons": view.epsilons,
        "same_8bit": distinct_8bit(view.epsilons),
        "scores": [],
        "references": {},
    }


@on_gpu
def answered(service: Service, view: View, maker: Chosen, face: Tensor, person: str | None) -> Iterator[LaneMessage]:
    """The lane after every part of the epsilons, those next to the view's own first; `face` is (3, H, W)."""
    network, source, lane = service.network(view.model), service.network(maker), nothing_of(view, maker)
    image = face.unsqueeze(0).to(network.device)

    def aim(of: Recognizer, chosen: Chosen) -> Aim:
        label, target = label_of(chosen, person), label_of(chosen, view.target)
        return aim_at(of, score(of, image)[0], label, target, view.attack)

    met = aim(network, view.model)
    moves = aimed(view.attack, source, image, aim(source, maker))
    lane |= {"attacked": met.attacked, "target": met.target}
    files = sorted(set(lane["same_8bit"]))
    for part in scoring_order([view.epsilons[at] for at in files], view.epsilon, part_of(network, view.attack)):
        positions = [files[at] for at in part]
        probabilities = score(network, moves.both_at([view.epsilons[at] for at in positions])[1].flatten(0, 1))
        named = {network.labels[index] for index in probabilities.argmax(1).tolist()} - lane["references"].keys()
        references = {label: reference_photograph(service, view.model, label) for label in sorted(named)}
        lane = {
            **lane,
            "scores": [*lane["scores"], (positions, encode(probabilities.cpu().numpy()))],
            "references": lane["references"] | references,
        }
        yield lane
