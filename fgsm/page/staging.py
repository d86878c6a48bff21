"""Putting a face on the stage: the messages that are sent, computed or kept, and what is said of the attack."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from torch import Tensor

from ..attacks import ATTACKS
from ..attacks.fgsm import FGSM
from ..attacks.gradient import COST
from ..measures.epsilons import known_epsilon
from ..measures.names import spelled_like
from ..measures.needed import DODGING, Standing, standing
from ..measures.smallest import last_recognised
from ..recognizers.enrol import BASE
from ..texts import Refused, in_link, say, title
from .controls import DEFAULT_TOP, TOPS, View
from .lent_gpu import on_gpu
from .messages import ShownMessage, StageMessage
from .photographs import reference_photograph
from .service import Chosen, Own, Service
from .stage import perform
from .turns import Asker, House
from .visit import Face, StageEvent, first_face, label_of, prepared, sample_of

FORWARD = 0.03  # seconds that a face takes through a recogniser, about: who asks for much should be known beforehand


def shown(
    event: StageEvent, view: View, face: Face | None = None, move_to: float | None = None
) -> Iterator[ShownMessage]:
    """Messages for the stage about `face`, or the one it shows, until the stage shows a newer attack.

    One that is refused takes nothing away from the one before, which goes on until then. Whatever comes next is about
    `face`, however long its first message takes. `move_to` puts the stage at an epsilon;
    without it, it stays where the finger has it.
    """
    visit = event.visit
    before, face = visit.face, face or event.face(view)
    visit.newest = current = max(visit.newest + 1, time.time_ns() // 1000)  # rises across restarts of the server, too
    if face is None:
        return
    visit.face = face
    link = link_to(view, face)
    try:
        for message in messages(event.service, view, face, event.caller):
            if visit.attack > current or not event.is_kept(face):
                return
            visit.attack = current
            said = note(event.service, view, face, message, event.language)
            stranger = message["attacked"] == message["unknown"] and BASE in event.service.found().usable
            yield {
                **message,
                "id": current,
                "asked": event.asked,
                "person": face.person,
                "wanted": view.target,
                "gain": TOPS[view.top],
                "note": said,
                "stranger": stranger,
                "epsilon": move_to,
                "link": link,
            }
    except Refused:
        if visit.newest != current:
            return  # the visitor has gone on, or has removed the picture
        if visit.face is face:
            visit.face = before
        raise


def messages(service: Service, view: View, face: Face, asker: Asker) -> Iterator[StageMessage]:
    """The messages about a face; of a sample face that was scored before, at once all of it."""
    finished, key = service.results("stage"), (face.source, replace(view, epsilon=0.0))
    if (before := finished.get(key)) is not None:
        yield before
        return
    tensor, label = prepared(service, view.model, face, asker), label_of(view.model, face.person)
    seconds, first = expected(view)
    with service.computer.work(asker, seconds, first) as work:
        for message in service.stream(work, performed, service, view, tensor, label):
            yield message
    if face.shared and not isinstance(view.model, Own):
        finished.put(key, message)


@on_gpu
def performed(service: Service, view: View, face: Tensor, label: int | None) -> Iterator[StageMessage]:
    """What `perform` says; under a lent GPU, in a process of its own."""
    target = label_of(view.model, view.target)
    yield from perform(
        service.network(view.model),
        face,
        view.epsilons,
        view.epsilon,
        label,
        view.attack,
        target,
        lambda person: reference_photograph(service, view.model, person),
        lambda epsilon: standing_of(service, view, epsilon),
    )


def standing_of(service: Service, view: View, epsilon: float) -> Standing | None:
    """Where a face that is fooled at `epsilon` stands among the recogniser's test faces, where that is known."""
    if isinstance(view.model, Own):
        return None
    needed = service.evidence.needed(view.model, view.attack.name, DODGING)
    return standing(needed, epsilon) if needed else None


def expected(view: View) -> tuple[float, float]:
    """About how many seconds `performed` takes, and its first step."""

    def seconds(positions: int) -> float:
        return FORWARD * (2 * positions + COST * view.attack.gradients(positions))

    return seconds(len(view.epsilons)), seconds(2)


def note(service: Service, view: View, face: Face, message: StageMessage, language: str) -> str:
    """What a visitor should know of the attack: on which label, at what cost, and what is special about it."""
    config, attack, target = view.model.config, view.attack, message["target"]
    about = {"recogniser": title(view.model.name, language), "people": len(config.people)}
    if message["attacked"] == config.unknown and not view.target:
        towards = None if target is None else config.labels[target]
        sentences = [say("note.unknown" if towards else "note.unknown_random", language, target=towards, **about)]
    elif view.target:
        sentences = [say("note.target", language, target=view.target)]
    elif label_of(view.model, face.person) is not None:
        known_apart = "enrolled" if face.enrolled else "unknown" if config.training_unknown else "test"
        sentences = [say(f"note.true_label_{known_apart}", language, person=face.person)]
    else:
        who = ("stranger" if face.person else "own_prediction") + ("" if config.unknown is None else "_compared")
        sentences = [say(f"note.{who}", language, person=face.person, **about)]
    if view.missing:
        sentences.insert(0, say("note.target_unknown", language, target=view.missing, **about))
    elif view.missing == "":
        sentences.insert(0, say("note.target_none", language))
    positions = len(view.epsilons) - 1
    cost = {"attack": attack.name, "steps": attack.gradients_per_epsilon, "positions": positions}
    kind = "several" if attack.gradients_per_epsilon else "one" if attack.gradients_once else "none"
    sentences.append(say(f"note.gradients_{kind}", language, all=attack.gradients(positions), **cost))
    if config.robust and attack.gradients(1):
        sentences.append(say("note.robust", language))
    if service.gpu_failed.is_set():
        sentences.append(say("note.cpu", language))
    return " ".join(sentences)


def link_to(view: View, face: Face) -> dict[str, str | None]:
    """What a link to this view says, save for its epsilon; None takes an entry out. It names nobody's own people."""
    own = view.model.faces if isinstance(view.model, Own) else {}
    return {
        "model": view.model.name,
        "face": face.key,
        "top": f"{view.top:g}",
        "attack": None if view.attack is FGSM else in_link(view.attack.name),
        "target": in_link(view.target) if view.target and view.target not in own else None,
    }


def asked_for(service: Service, link: dict[str, str]) -> tuple[Face | None, View, bool]:
    """Face and view that a link asks for, and whether it names an epsilon; what it names wrongly is left out."""
    chosen = chosen_by(service, link)
    face = sample_of(service, chosen, link.get("face", "")) or first_face(service, chosen)
    top = next((top for top in TOPS if f"{top:g}" == link.get("top")), DEFAULT_TOP)
    attack = next((attack for name, attack in ATTACKS.items() if in_link(name) == link.get("attack")), FGSM)
    target = spelled_like(link.get("target", ""), chosen.config.people)
    if not attack.may_aim or (face is not None and face.person == target):
        target = None
    view = View(chosen, 0.0, top, attack, target)
    try:
        wanted = known_epsilon(link.get("epsilon"))
    except Refused:
        return face, view, False
    return face, replace(view, epsilon=wanted).at_position(), True


def chosen_by(service: Service, link: dict[str, str]) -> Chosen:
    """The recogniser that a link names, or the default. Raises Refused where none can be used."""
    usable = service.found().usable
    default = service.default()
    return usable.get(link.get("model", "")) or default or service.choose(None)


def opening(service: Service, link: dict[str, str], asker: Asker) -> tuple[Face | None, View]:
    """Face and view that a page opens with, for whoever asks.

    Where its link names no epsilon, that is just before the face is fooled.
    """
    face, view, named = asked_for(service, link)
    if face is not None and not named:
        tipping = service.once(asker, 1.0, tipping_epsilon, service, view.model, face)
        view = replace(view, epsilon=tipping).at_position()
    return face, view


@on_gpu
def tipping_epsilon(service: Service, chosen: Chosen, face: Face) -> float:
    """The last position of the slider before the face is taken for somebody else: one nudge more fools."""

    def found() -> float:
        tensor, label = prepared(service, chosen, face, House()), label_of(chosen, face.person)
        network = service.network(chosen)
        return last_recognised(network, tensor.to(network.device), label or 0, View(chosen).epsilons)

    return service.kept("tipping", chosen, found, face)


def warm_up(service: Service) -> None:
    """Load the first recogniser and score the opening face, so that the first visitor need not wait for it."""
    with suppress(Refused):  # whoever opens the page is told
        face, view = opening(service, {}, House())
        if face is not None:
            for _ in messages(service, view, face, House()):
                pass
