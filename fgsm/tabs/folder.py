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

PREFIX = "fgsm-page-"


@functools.cache
def own_folder() -> Path:
    """A new folder, held by a lock for as long as this process lives, and removed when it ends in peace.

    Folders of processes that no longer live, killed ones for example, are cleared first.
    """
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
        if not Path(name).exists():  # cleared in the moment before it was held
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
        _remove(name.with_suffix(""), lock)


def _remove_own(folder: Path, lock: FileLock, owner: int) -> None:
    if os.getpid() == owner:  # and not a fork of it
        _remove(folder, lock)


def _remove(folder: Path, lock: FileLock) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # Windows removes no open file
        Path(lock.lock_file).unlink()
    lock.release()
    Path(lock.lock_file).unlink(missing_ok=True)
