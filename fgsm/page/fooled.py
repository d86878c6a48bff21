"""The test faces of a recogniser on the page, what one costs, and those that an attack fools."""

import time
from collections.abc import Sequence

from torch import Tensor

from ..attacks import Attack
from ..attacks.gradient import COST
from ..faces.prepare import as_picture
from ..measures.curve import example_faces
from ..recognizers.scoring import score
from ..recognizers.testset import load_test_set, photographs_tested
from ..texts import say
from .controls import called
from .event import Event
from .lent_gpu import on_gpu
from .messages import FooledFace, FooledMessage
from .photographs import data_url, reference_photograph
from .service import MOST_SETS, Chosen, Service
from .turns import Asker


def faces_and_labels(service: Service, chosen: Chosen) -> tuple[Tensor, Tensor]:
    """The test faces of a recogniser and their labels, read once for all that are tested alike."""
    files = tuple((file, file.stat().st_mtime_ns) for file in photographs_tested(chosen.config))
    alike = (files, chosen.config.labels, chosen.config.input_size, chosen.config.framing)
    sets = service.results("test sets", MOST_SETS)
    faces: tuple[Tensor, Tensor] = sets.get(alike) or load_test_set(service.network(chosen))
    sets.put(alike, faces)
    return faces


def cost_of(service: Service, chosen: Chosen, asker: Asker) -> float:
    """Seconds a face takes through a recogniser, which is loaded first if need be."""
    return service.kept("cost", chosen, lambda: service.once(asker, 1.0, _measured_cost, service, chosen))


@on_gpu
def _measured_cost(service: Service, chosen: Chosen) -> float:
    """Measured on a few faces: the least, as others use the machine."""
    network, (images, _) = service.network(chosen), faces_and_labels(service, chosen)
    few = images[:4].to(network.device)
    score(network, few)  # the first batch of a process is slow

    def seconds() -> float:
        start = time.perf_counter()
        score(network, few).cpu()
        return time.perf_counter() - start

    return min(seconds() for _ in range(5)) / len(few)


@on_gpu
def _crafted(service: Service, attack: Attack, source: Chosen, epsilon: float, positions: Sequence[int]) -> Tensor:
    images, labels = faces_and_labels(service, source)
    return example_faces(attack, service.network(source), images, labels, epsilon, positions)


def fooled_faces(
    event: Event,
    attack: Attack,
    source: Chosen,
    epsilon: float,
    model: Chosen,
    examples: Sequence[tuple[int, int]],
    about: str,
    fooled: int,
) -> FooledMessage:
    """Faces that `attack` crafts on `source` at `epsilon`, and whom `model` takes them for.

    `examples` are pairs of a face's position in the test set and a class index, `fooled` is how many there are in all,
    and `about` says under which attack.
    """
    service, language, config = event.service, event.language, model.config
    if not examples:
        return {"title": f"{about}: {say('curve.nobody', language)}", "faces": []}
    positions = [position for position, _ in examples]
    seconds = len(examples) * cost_of(service, source, event.caller) * COST * attack.gradients(1)
    crafted = service.once(event.caller, seconds, _crafted, service, attack, source, epsilon, positions)
    _, truth = faces_and_labels(service, model)
    faces: list[FooledFace] = []
    for face, (position, taken_for) in zip(crafted, examples, strict=True):
        person, taken = called(config, int(truth[position]), language), called(config, taken_for, language)
        is_person = taken_for != config.unknown
        faces.append(
            {
                "picture": data_url(as_picture(face)),
                "label": say("fooled.adversarial", language, person=person),
                "reference": reference_photograph(service, model, taken) if is_person else None,
                "reference_label": say("viewer.reference_label", language, person=taken) if is_person else "",
                "person": person,
                "taken": taken,
                "instead": say("fooled.instead", language),
            }
        )
    return {"title": f"{about}: {say('curve.first', language, shown=len(faces), fooled=fooled)}", "faces": faces}
