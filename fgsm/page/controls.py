"""What the controls of the stage say, checked once per event, and the view that it stands for."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import gradio as gr

from ..attacks import ATTACKS, Attack
from ..attacks.fgsm import FGSM
from ..measures.epsilons import known_epsilon
from ..measures.names import known_attack
from ..recognizers.config import Config, accuracy_of
from ..recognizers.survey import in_order
from ..texts import ENGLISH, Refused, say, title
from .service import Chosen, Own, Service

DEFAULT_TOP = 0.1
TOPS = {0.02: 25, 0.1: 10, 1.0: 1}  # of the slider; for each, how many times stronger the perturbation is shown
POSITIONS = 100  # of the slider above 0
POSITIONS_OF_STEPS = 20  # each takes gradients of its own
DODGE, IMPERSONATE = "dodge", "impersonate"
CONTROL = next(attack for attack in ATTACKS.values() if attack.control)  # what the page offers to compare with
CHOSEN_FROM = {name: attack for name, attack in ATTACKS.items() if not attack.control}
FEW = 100  # test faces


@dataclass(frozen=True)
class Controls:
    """The values of the stage's inputs, in a browser's order: of any kind until `view_of` has looked.

    `photo` names the picture that the visitor has brought: only a browser that has sent it knows the name. `asked`
    numbers what the page asks for (see assets/asking/).
    """

    model: Any
    method: Any
    goal: Any
    top: Any
    random: Any
    photo: str | None
    epsilon: Any
    asked: Any = 0


@dataclass(frozen=True)
class View:
    """How a face is attacked, and what the slider spans.

    `target` is a person's name, where there is one to become; `missing` is whom the visitor wants to become and the
    recogniser does not know, or "" where that is not said yet.
    """

    model: Chosen
    epsilon: float = 0.0
    top: float = DEFAULT_TOP
    attack: Attack = FGSM
    target: str | None = None
    missing: str | None = field(default=None, compare=False)

    @property
    def epsilons(self) -> list[float]:
        """The positions of the slider."""
        count = POSITIONS if self.attack.one_direction else POSITIONS_OF_STEPS
        return [round(self.top * step / count, 6) for step in range(count + 1)]

    @property
    def slider(self) -> gr.Slider:
        """The slider with these positions, at this epsilon."""
        return gr.Slider(maximum=self.top, step=self.epsilons[1], value=self.epsilon)

    def at_position(self) -> "View":
        """This view with its epsilon at the nearest position."""
        return replace(self, epsilon=min(self.epsilons, key=lambda position: abs(position - self.epsilon)))


def view_of(controls: Controls, chosen: Chosen, wanted: str | None) -> View:
    """The view that `controls` stand for, given whom the visitor wants to become.

    Raises Refused for what the page never sends.
    """
    epsilon, top, random = known_epsilon(controls.epsilon), controls.top, controls.random
    if type(top) not in (int, float) or top not in TOPS or type(random) is not bool:
        raise Refused("refused.request")
    if controls.goal not in (DODGE, IMPERSONATE):
        raise Refused("refused.request")
    attack = CONTROL if random else known_attack(controls.method)
    if controls.goal == DODGE or not attack.may_aim:
        return View(chosen, epsilon, top, attack)
    if wanted in chosen.config.people:
        return View(chosen, epsilon, top, attack, wanted)
    return View(chosen, epsilon, top, attack, missing=wanted or "")


def settings_of(view: View, service: Service, own: Iterable[Own], language: str) -> tuple[Any, ...]:
    """Values for the slider, the recogniser, the top, random signs, the method and the goal."""
    method = FGSM if view.attack.control else view.attack
    model = gr.Dropdown(choices(service, language, own), value=view.model.name)  # some may have come since the start
    return view.slider, model, view.top, view.attack.control, method.name, IMPERSONATE if view.target else DODGE


def choices(service: Service, language: str = ENGLISH, own: Iterable[Own] = ()) -> list[tuple[str, str]]:
    """Titles with clean accuracy, and names, of a visit's own recognisers and of all; the built-in ones first."""
    configs = {name: checkpoint.config for name, checkpoint in service.found().usable.items()}
    configs |= {one.name: one.config for one in own}
    return [(described(name, configs[name], language), name) for name in in_order(configs)]


def called(config: Config, index: int, language: str) -> str:
    """Whom a recogniser takes a face for, by class index: a person's name, or the word for a face that is nobody's."""
    return say("label.unknown", language) if index == config.unknown else config.labels[index]


def described(name: str, config: Config, language: str) -> str:
    """What people call a recogniser, with its clean accuracy."""
    accuracy, faces = accuracy_of(config), len(config.test_photographs)
    if not accuracy:
        return title(name, language)
    few = f" (n = {faces})" if faces < FEW else ""  # of which a percentage says little
    return say("page.right", language, recogniser=title(name, language), accuracy=accuracy) + few
