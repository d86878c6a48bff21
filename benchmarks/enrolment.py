"""How well people are told apart who are enrolled in the recogniser dlib, on the built-in photographs 6-10.

Nothing here was trained or tuned on these 200 test faces: the network has never seen them, and thresholds are chosen
on enrolment photographs. "unknown" counts as wrong. Prints what detector, framing, number of photographs, mean and
threshold make of it, and how long it takes to join.

    python benchmarks/enrolment.py
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fgsm.faces.detect import detect
from fgsm.faces.framing import ALIGNED, PLAIN, centre_square
from fgsm.faces.people import list_people
from fgsm.faces.picture import open_picture
from fgsm.faces.prepare import load_faces
from fgsm.places import BUILTIN_FACES
from fgsm.recognizers.enrol import embed, with_people
from fgsm.recognizers.enrolled import distances
from fgsm.recognizers.recognizer import Recognizer, load_recognizer
from fgsm.recognizers.scoring import score

PEOPLE = list_people(BUILTIN_FACES)
PHOTOGRAPHS = [photograph for theirs in PEOPLE.values() for photograph in theirs]
TEST = slice(5, 10)
MEANS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mean": lambda theirs, mirrored: theirs.mean(1),
    "mean of both sides": lambda theirs, mirrored: (theirs + mirrored).mean(1) / 2,
    "median": lambda theirs, mirrored: theirs.median(1).values,
    "mean of unit lengths": lambda theirs, mirrored: (
        torch.nn.functional.normalize(theirs, dim=2).mean(1) * theirs.norm(dim=2).mean()
    ),
}


def boxes() -> None:
    """The detector's box beside the centre square, which plain recognisers are trained on."""
    rows = []
    for photograph in PHOTOGRAPHS:
        picture = open_picture(photograph)
        square = centre_square(picture)
        for face in detect(picture):
            middle = (face.box[1] + face.box[3]) / 2
            rows.append((face.size / square.side, (middle - square.centre[1]) / square.side))
    size, below = torch.tensor(rows).median(0).values.tolist()
    print(f"faces found in {len(PHOTOGRAPHS)} photographs: {len(rows)}")
    print(
        f"the box is {size:.2f} times as large as the centre square and lies {below:.2f} squares below it (medians)\n"
    )


def named_right(recognizer: Recognizer, faces: Tensor) -> int:
    """How many of `faces`, (people, n, 3, 150, 150), are named right."""
    predicted = (
        score(recognizer, faces.flatten(0, 1).to(recognizer.device)).argmax(1).cpu().unflatten(0, faces.shape[:2])
    )
    return int((predicted == torch.arange(len(faces))[:, None]).sum())


def enrolled(dlib: Recognizer, embedded: Tensor) -> Recognizer:
    return with_people(dlib, {f"person {at + 1:02d}": theirs for at, theirs in enumerate(embedded)}, "some")


def photographs_and_framings(dlib: Recognizer, faces: dict[str, Tensor], embedded: dict[str, Tensor]) -> None:
    print(f"{'framing':10}{'enrolled':>10}{'threshold':>11}{'named right of 200':>20}")
    for framing, theirs in embedded.items():
        for count in (1, 3, 5):
            some = enrolled(dlib, theirs[:, :count])
            right = named_right(some, faces[framing][:, TEST])
            print(f"{framing:10}{count:10}{some.config.threshold:11.4f}{right:20}")


def means(embedded: Tensor, mirrored: Tensor) -> None:
    print(f"\n{'template':22}{'enrolled':>10}{'nearest is right':>18}{'own distance, median':>22}{'95%':>7}")
    truth = torch.arange(len(embedded)).repeat_interleave(5)
    for name, mean in MEANS.items():
        for count in (1, 5):
            apart = distances(embedded[:, TEST].flatten(0, 1), mean(embedded[:, :count], mirrored[:, :count]))
            own = apart[torch.arange(len(apart)), truth]
            right = int((apart.argmin(1) == truth).sum())
            print(f"{name:22}{count:10}{right:18}{own.median():22.3f}{own.quantile(0.95):7.3f}")


def strangers(dlib: Recognizer, embedded: Tensor) -> None:
    print(f"\n{'enrolled':14}{'threshold':>16}{'strangers accepted':>20}{'known rejected':>16}")
    for name, known, others in (
        ("people 1-20", slice(0, 20), slice(20, 40)),
        ("people 21-40", slice(20, 40), slice(0, 20)),
    ):
        some = enrolled(dlib, embedded[known, :5])
        templates = embedded[known, :5].mean(1)
        stranger = distances(embedded[others].flatten(0, 1), templates).min(1).values
        known_test = distances(embedded[known, TEST].flatten(0, 1), templates).min(1).values
        for threshold, how in ((some.config.threshold or 0, " by rule"), (0.5, ""), (0.55, ""), (0.6, " published")):
            accepted, rejected = (stranger <= threshold).float().mean(), (known_test > threshold).float().mean()
            print(f"{name:14}{f'{threshold:.4g}{how}':>16}{accepted:20.1%}{rejected:16.1%}")


def joining(dlib: Recognizer) -> None:
    face = load_faces(PHOTOGRAPHS[:1], 150, ALIGNED)
    everybody = {"someone": embed(dlib, face)}
    start = time.perf_counter()
    picture = open_picture(PHOTOGRAPHS[7])
    found = time.perf_counter()
    detect(picture)
    looked = time.perf_counter()
    joined = with_people(dlib, everybody | {"you": embed(dlib, face)}, "two")
    answered = time.perf_counter()
    score(joined, face.to(joined.device)).cpu()
    parts = (looked - found, answered - looked, time.perf_counter() - answered, time.perf_counter() - start)
    print("\nseconds to find a face {:.3f}, to join {:.3f}, to the first answer {:.3f}, together {:.3f}".format(*parts))


def main() -> None:
    dlib = load_recognizer("dlib")
    print(f"{dlib.device.type}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    boxes()
    faces = {framing: load_faces(PHOTOGRAPHS, 150, framing).unflatten(0, (40, 10)) for framing in (PLAIN, ALIGNED)}
    embedded = {framing: embed(dlib, theirs.flatten(0, 1)).unflatten(0, (40, 10)) for framing, theirs in faces.items()}
    photographs_and_framings(dlib, faces, embedded)
    means(embedded[ALIGNED], embed(dlib, faces[ALIGNED].flatten(0, 1).flip(3)).unflatten(0, (40, 10)))
    strangers(dlib, embedded[ALIGNED])
    joining(dlib)


if __name__ == "__main__":
    main()
