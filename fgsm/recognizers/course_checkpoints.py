"""The course project's own checkpoints: plain state dicts, dropped into models/ as they are.

Which photographs they were trained on was never written down, so no face of their data set is certainly a test face.
"""

import functools
import json
from pathlib import Path

from ..faces.people import people_if_any, split_at_random
from ..places import ASSETS, DATA, HOME
from ..texts import text_of
from .config import Config

ARCHITECTURE_OF = {
    "resnet_celeb_faces": "resnet",
    "resnet18_celeb_faces": "resnet18",
    "resnet101_celeb_faces": "resnet101",
}
CELEBRITIES = DATA / "celebrities"  # where `python -m fgsm fetch celebrities` puts them
LABELS: list[str] = json.loads((ASSETS / "celebrity_labels.json").read_text("utf-8"))["labels"]
SEED = 0


def course_config(name: str) -> Config:
    """What a `config.json` would say of the course project's checkpoint `name`, one of ARCHITECTURE_OF."""
    return Config(
        architecture=ARCHITECTURE_OF[name],
        input_size=224,
        mean=(0.6389, 0.4773, 0.4056),
        std=(0.2343, 0.1996, 0.1831),
        labels=tuple(LABELS),
        data="vasukipatel/face-recognition-dataset (Kaggle)",
        faces=CELEBRITIES.relative_to(HOME).as_posix(),
        split="not recorded: some of these faces may have been trained on",
        training_unknown=True,
        test_photographs=_drawn(CELEBRITIES, CELEBRITIES.stat().st_mtime_ns) if CELEBRITIES.is_dir() else (),
    )


@functools.lru_cache(1)
def _drawn(root: Path, changed: int) -> tuple[str, ...]:
    """A sample of the data set in `root`, as it is since it `changed`: as many faces as a test set would have."""
    people = {person: theirs for person, theirs in people_if_any(root).items() if person in LABELS and len(theirs) > 1}
    return tuple(text_of(photograph.relative_to(root)) for photograph in split_at_random(people, SEED)[1])
