"""What visits have brought, and the files handed out to them: the one owner of both.

A picture never touches the disk. It waits in memory under a name that cannot be guessed, which only its sender is told;
the first visit to use that name has the picture to itself. Nothing is read, served or deleted by a name that a caller
made up. Files handed out lie in this process's own folder, under such a name, for as long as their visit goes on.
"""

import contextlib
import logging
import secrets
import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..faces.containers import is_avif
from ..faces.picture import MOST_BYTES
from ..texts import Refused
from .temporary_folder import kept_folder, own_folder

ROOM = 384 * 10**6  # bytes of pictures in memory, half of them at most from one address
UNCLAIMED = 120.0  # seconds that a picture waits for a visit to use it
MOST_WAITING = 100  # such pictures from one address; the oldest go first
UNUSED = 3600.0  # seconds that a visit's picture is kept after its last use
HANDED_OUT = 600.0  # seconds that a file stays for a caller who has no page open
MOST_FILES = 20  # handed out to a visit; the oldest go first
STAGE = "stage"  # what a visit's picture is for, unless whoever claims it says otherwise
KINDS = {  # of picture that a browser may show, by how their files begin
    b"\x89PNG\r\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"BM": "image/bmp",
}

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Upload:
    """A picture in memory, as it arrives and as it was sent.

    `session` names the visit that has it to itself, and `use` what for: pictures for other things are left alone.
    """

    name: str
    address: str
    data: bytes | bytearray = field(default_factory=bytearray)
    session: str | None = None
    use: str = STAGE
    complete: bool = False
    used: float = field(default_factory=time.monotonic)

    @property
    def kind(self) -> str:
        """Its media type, where it is one of KINDS or a container of pictures; else that of unknown bytes."""
        start = bytes(self.data[:12])
        if start[:4] == b"RIFF" and start[8:] == b"WEBP":
            return "image/webp"
        if is_avif(self.data):
            return "image/avif"
        return next((kind for magic, kind in KINDS.items() if start.startswith(magic)), "application/octet-stream")


@dataclass(frozen=True)
class HandedOut:
    """A file on the disk for a visit."""

    path: Path
    session: str
    when: float = field(default_factory=time.monotonic)


class Uploads:
    """All pictures in memory and all files handed out by this process."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._lock = threading.Lock()
        self._held: dict[str, Upload] = {}
        self._files: list[HandedOut] = []

    def begin(self, address: str) -> Upload:
        """An empty picture, to be filled by `receive` and closed by `finish` or `abandon`."""
        upload = Upload(f"picture-{secrets.token_urlsafe(24)}", address)
        with self._lock:
            waiting = [
                other for other in self._held.values() if other.address == upload.address and other.session is None
            ]
            if len(waiting) >= MOST_WAITING:
                self._forget(waiting[0])
            self._held[upload.name] = upload
        return upload

    def receive(self, upload: Upload, piece: bytes) -> None:
        """Add a piece to a picture that is arriving. Raises Refused where there is no room, or no longer."""
        with self._lock:
            if len(upload.data) + len(piece) > MOST_BYTES:
                raise Refused("refused.bytes", most=MOST_BYTES // 10**6)
            self._make_room(upload, len(piece))
            upload.data += piece

    def finish(self, upload: Upload) -> str:
        """The name under which a picture that has arrived can be used."""
        upload.data = bytes(upload.data)
        upload.complete = True
        upload.used = time.monotonic()
        return upload.name

    def _make_room(self, upload: Upload, more: int) -> None:
        """Pictures that no visit uses make room, the oldest of whoever has sent most; those in use never do."""
        if upload.name not in self._held:
            raise Refused("refused.no_room")
        while True:
            sent: dict[str, int] = {upload.address: more}
            for other in self._held.values():
                sent[other.address] = sent.get(other.address, 0) + len(other.data)
            idle = [other for other in self._held.values() if other.complete and other.session is None]
            if sent[upload.address] > self._room // 2:
                idle = [other for other in idle if other.address == upload.address]
            elif sum(sent.values()) <= self._room:
                return
            if not idle:
                raise Refused("refused.no_room")
            self._forget(max(idle, key=lambda other: (sent[other.address], -other.used)))

    def find(self, name: object) -> Upload | None:
        """The picture of that name, for whoever was told it."""
        upload = self._held.get(name) if isinstance(name, str) else None
        return upload if upload and upload.complete else None

    def claim(self, name: object, session: str, use: str = STAGE) -> Upload:
        """The picture `name`, which from now on is the visit's alone, for this `use`.

        Raises Refused, always with the same sentence, for every other name, and for a picture of another visit's or
        one that this visit has for another use.
        """
        with self._lock:
            upload = self.find(name)
            if upload is None or (upload.session is not None and (upload.session, upload.use) != (session, use)):
                raise Refused("refused.gone")
            upload.session, upload.use = session, use
            upload.used = time.monotonic()
            return upload

    def keep_only(self, *uploads: Upload) -> None:
        """Forget every other picture that their visit has for the same use as these, of which there is one at least."""
        with self._lock:
            self._forget_all(uploads[0].session, uploads[0].use, uploads)

    def forget(self, session: str, use: str) -> None:
        """Forget every picture that the visit has for this use."""
        with self._lock:
            self._forget_all(session, use)

    def _forget_all(self, session: str | None, use: str, but: Sequence[Upload] = ()) -> None:
        for other in [other for other in self._held.values() if (other.session, other.use) == (session, use)]:
            if other not in but:
                self._forget(other)

    def abandon(self, upload: Upload) -> None:
        """Forget a picture that has not arrived whole, or is none."""
        with self._lock:
            self._forget(upload)

    def _forget(self, upload: Upload) -> None:
        self._held.pop(upload.name, None)
        upload.data = bytearray()  # whoever still refers to it has nothing

    def take(self, session: str, *names: object) -> list[bytes]:
        """The bytes of these pictures, which are forgotten here unless they are the visit's.

        Raises as `claim` where any of them is not to be had, and forgets none then.
        """
        with self._lock:
            uploads = [upload for upload in map(self.find, names) if upload and upload.session in (None, session)]
            if len(uploads) < len(names):
                raise Refused("refused.gone")
            taken = [bytes(upload.data) for upload in uploads]  # no copies of what has arrived whole
            for upload in uploads:
                if upload.session is None:
                    self._forget(upload)
            return taken

    def hand_out(self, data: bytes, name: str, session: str) -> str:
        """The path of a new file with `data`, called `name`, for a visit. Raises Refused where none can be written."""
        path = own_folder() / secrets.token_urlsafe(24) / name
        try:
            kept_folder()
            path.parent.mkdir(mode=0o700)
            path.write_bytes(data)
        except OSError as error:
            log.error("A file could not be written: %s", error)
            shutil.rmtree(path.parent, ignore_errors=True)
            raise Refused("refused.disk") from None
        with self._lock:
            self._files.append(HandedOut(path, session))
            theirs = [file for file in self._files if file.session == session]
            for file in theirs[:-MOST_FILES]:
                self._remove(file)
        return str(path)

    def _remove(self, file: HandedOut) -> None:
        self._files.remove(file)
        with contextlib.suppress(OSError):
            shutil.rmtree(file.path.parent)

    def end(self, session: str, files: bool = True) -> None:
        """Forget what the visit has brought and, with `files`, what was handed out to it."""
        with self._lock:
            for upload in [upload for upload in self._held.values() if upload.session == session]:
                self._forget(upload)
            for file in [file for file in self._files if files and file.session == session]:
                self._remove(file)

    def look(self, here: set[str]) -> None:
        """Forget what has waited too long; `here` are the names of visits whose page is open."""
        now = time.monotonic()
        with self._lock:
            for upload in list(self._held.values()):
                if now - upload.used > (UNUSED if upload.session else UNCLAIMED):
                    self._forget(upload)
            for file in list(self._files):
                if file.session not in here and now - file.when > HANDED_OUT:
                    self._remove(file)
