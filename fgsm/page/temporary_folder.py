"""The temporary folder that is this process's alone, and the clearing of those whose processes are no more."""

import atexit
import contextlib
import functools
import os
import shutil
import stat
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

from ..texts import Refused

PREFIX = "fgsm-page-"


@functools.cache
def own_folder() -> Path:
    """A new folder, held by a lock for as long as this process lives, and removed when it ends in peace.

    Folders of processes that no longer live, killed ones for example, are cleared first. Raises Refused where this one
    cannot be made.
    """
    try:
        return _made()
    except OSError:
        raise Refused("refused.temporary") from None


def kept_folder() -> Path:
    """`own_folder`, made anew where somebody has cleared it. Raises OSError where it cannot be, or is another's."""
    folder = own_folder()
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    return folder


def _made() -> Path:
    clear_abandoned()
    while True:
        handle, name = tempfile.mkstemp(prefix=PREFIX, suffix=".lock")
        os.close(handle)
        lock = FileLock(name, timeout=0)
        try:
            lock.acquire()
        except Timeout:  # another process thought it abandoned
            continue
        folder = Path(name).with_suffix("").resolve()
        folder.mkdir(mode=0o700)
        if not _is_of_its_name(lock):  # cleared in the moment before it was held
            shutil.rmtree(folder, ignore_errors=True)
            continue
        atexit.register(_remove_own, folder, lock, os.getpid())
        return folder


def clear_abandoned() -> None:
    """Remove this user's folders that no living process holds."""
    for name in Path(tempfile.gettempdir()).glob(f"{PREFIX}*.lock"):
        try:
            about = name.lstat()
            if not stat.S_ISREG(about.st_mode) or (hasattr(os, "getuid") and about.st_uid != os.getuid()):
                continue
            lock = FileLock(name, timeout=0)
            lock.acquire()
        except (OSError, Timeout):
            continue
        if _is_of_its_name(lock):
            _remove(name.with_suffix(""), lock)
        else:
            lock.release()  # somebody has cleared it, and perhaps another process has taken the name since


def _remove_own(folder: Path, lock: FileLock, owner: int) -> None:
    if os.getpid() == owner:  # and not a fork of it
        _remove(folder, lock)


def _is_of_its_name(lock: FileLock) -> bool:
    """Whether the file that is locked is the one that bears its name now."""
    try:
        return os.path.samestat(os.fstat(lock._context.lock_file_fd or -1), os.stat(lock.lock_file))
    except OSError:
        return False


def _remove(folder: Path, lock: FileLock) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    try:
        Path(lock.lock_file).unlink()  # while it is held: afterwards the name may be another process's
        lock.release()
    except OSError:  # Windows removes no open file
        lock.release()
        with contextlib.suppress(OSError):
            Path(lock.lock_file).unlink()
