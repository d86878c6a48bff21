"""Downloading data sets of faces, and laying them out as folders of people.

Each comes through the library that its users know it from; neither library is needed otherwise (requirements-data.txt).
"""

import re
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..texts import Refused
from .people import list_people

KAGGLE = "vasukipatel/face-recognition-dataset"
LEAST_FACES = 30  # photographs of a person in Labeled Faces in the Wild: 34 people have as many
LFW_ABOUT = (
    "Labeled Faces in the Wild (Huang et al. 2007), aligned by funneling: 233 MB. Press photographs, published by the "
    "University of Massachusetts for research; no licence is stated, the rights remain with the photographers."
)


@dataclass(frozen=True)
class Source:
    """A data set: the library that brings it, what to know before it starts, and how it is downloaded.

    `download` returns the files of each person.
    """

    library: str
    about: Callable[[], str]
    download: Callable[[], dict[str, list[Path]]]

    def fetch(self, folder: Path) -> dict[str, int]:
        """Download into `folder`, one folder per person, and return how many photographs each person has.

        Raises Refused where the library is missing, `folder` is in use, or there is no connection.
        """
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise Refused("refused.in_use", folder=folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            print(self.about(), flush=True)
            people = self.download()
        except ImportError:
            command = "pip install -r requirements-data.txt"
            raise Refused("refused.library", library=self.library, command=command) from None
        except Exception as error:  # each library has errors of its own for every way to fail
            raise Refused("refused.download", reason=type(error).__name__) from None
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as scratch:
            for person, photographs in people.items():
                place = Path(scratch) / "people" / re.sub(r"[\s/\\.]+", "_", person)
                place.mkdir(parents=True, exist_ok=True)
                for photograph in photographs:
                    if photograph.is_file():
                        shutil.copy(photograph, place)
            with suppress(FileNotFoundError):
                folder.rmdir()
            (Path(scratch) / "people").rename(folder)
        return {person: len(photographs) for person, photographs in list_people(folder).items()}


def about_celebrities() -> str:
    """Licence and size as Kaggle states them now."""
    from kagglehub.clients import build_kaggle_client
    from kagglesdk.datasets.types.dataset_api_service import ApiGetDatasetRequest

    request = ApiGetDatasetRequest()
    request.owner_slug, request.dataset_slug = KAGGLE.split("/")
    with build_kaggle_client() as client:
        answer = client.datasets.dataset_api_client.get_dataset(request)
    size = f"{answer.total_bytes / 1e6:.0f} MB"
    return f"{KAGGLE} on Kaggle: {size}. Licence: {answer.license_name or 'none stated'}."


def download_celebrities() -> dict[str, list[Path]]:
    import kagglehub

    return list_people(Path(kagglehub.dataset_download(KAGGLE)))


def download_lfw() -> dict[str, list[Path]]:
    from sklearn.datasets import fetch_lfw_people, get_data_home

    # For the download alone: it hands out cut and scaled arrays, where the files are whole.
    fetch_lfw_people(min_faces_per_person=LEAST_FACES)
    people = list_people(Path(get_data_home()) / "lfw_home" / "lfw_funneled")
    return {person: photographs for person, photographs in people.items() if len(photographs) >= LEAST_FACES}


SOURCES = {
    "celebrities": Source("kagglehub", about_celebrities, download_celebrities),
    "lfw": Source("scikit-learn", lambda: LFW_ABOUT, download_lfw),
}
