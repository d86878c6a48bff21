"""Starting on any machine: what to print, where to listen, where temporary files go, how to end.

Where a machine does not allow what is needed, one sentence says what to do.
"""

import atexit
import contextlib
import errno
import io
import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn, TextIO, cast

from ..texts import Refused, say
from .temporary_folder import own_folder

if TYPE_CHECKING:
    from gradio import Blocks

HOST, PORT = "127.0.0.1", 7860
FULL = (errno.ENOSPC, errno.EDQUOT)
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")  # where other programs' lie, or lay


def prepare() -> tuple[str, int]:
    """Make this process fit for the page, before Gradio is loaded, which reads the environment.

    Returns the host and the port to listen at. Ends the program where there are none.
    """
    print_anything()
    when_stopped(lambda number, frame: end(128 + number))
    os.environ.update(NO_PROXY="*", no_proxy="*")  # the page calls nobody but itself
    for name in CERTIFICATES:
        os.environ.pop(name, None)
    with in_a_sentence():
        host, port = place()
        os.environ["GRADIO_TEMP_DIR"] = str(own_folder())  # where components keep their files
    os.environ["GRADIO_SERVER_PORT"] = str(port)
    os.environ.pop("GRADIO_SERVER_NAME", None)  # which Gradio tries to bind as it is written, as an IPv4 address
    return (f"[{host}]" if ":" in host else host), port


def print_anything() -> None:
    """Print letters that the terminal does not have as their codes, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_nothing_more(*streams: TextIO | None) -> None:
    """Throw away what is printed from now on, and what waits to be, instead of failing once more at the end."""
    for stream in streams:
        with contextlib.suppress(OSError, AttributeError):  # where it goes to no file of the system's, or nowhere
            printed = cast(TextIO, stream).fileno()
            os.dup2(os.open(os.devnull, os.O_WRONLY), printed)


def place() -> tuple[str, int]:
    """The host and the port that the environment names. Raises Refused where the page cannot listen there."""
    variable = "PORT" if os.environ.get("PORT") else "GRADIO_SERVER_PORT"
    named = os.environ.get(variable) or str(PORT)
    if not re.fullmatch(r"[0-9]{1,5}", named) or not 1 <= int(named) <= 65535:
        raise Refused("refused.port", variable=variable, value=repr(named)[:40])
    host, port = (os.environ.get("GRADIO_SERVER_NAME") or HOST).strip("[]"), int(named)
    other = f"{variable}={PORT if port != PORT else PORT + 1}"
    try:
        _bind(host, port)
    except (OSError, UnicodeError) as error:  # some names cannot even be asked for
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            raise Refused("refused.port_in_use", port=port, other=other) from None
        reason = getattr(error, "strerror", None) or "not a name"
        raise Refused("refused.place", host=host[:80], port=port, reason=reason, other=other) from None
    return host, port


def _bind(host: str, port: int) -> None:
    """Take every address that the server will take, as it will, and give it back."""
    for family, kind, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE):
        with socket.socket(family, kind) as probe:
            if os.name == "posix":  # elsewhere it would share a port with another program
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(address)


@contextlib.contextmanager
def in_a_sentence() -> Iterator[None]:
    """End the program with one sentence where a Refused is raised within, or the disk is full."""
    try:
        yield
    except Refused as refused:
        sentence = str(refused)
    except OSError as error:
        if error.errno not in FULL:
            raise
        sentence = say("refused.temporary")
    else:
        return
    program = "app.py" if sys.argv[0].endswith("app.py") else "fgsm page"
    print(f"{program}: {sentence}", file=sys.stderr)
    end(2)


def serve(page: "Blocks", **settings: Any) -> NoReturn:
    """Launch `page`, and end in peace when it is stopped."""
    when_stopped(signal.default_int_handler)  # for which Gradio waits
    try:
        page.launch(**settings)
    except KeyboardInterrupt:  # before Gradio has waited for it
        pass
    except OSError:
        if not page.is_running:
            with in_a_sentence():
                place()  # which somebody may have taken since the start
        raise
    end(0)


def when_stopped(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    """Have `handler` answer Ctrl-C and what stops services."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def end(status: int) -> NoReturn:
    """End this process, without its temporary files.

    At once: where Python takes threads down in the midst of their computing, PyTorch aborts.
    """
    when_stopped(signal.SIG_IGN)
    with contextlib.suppress(OSError):
        print(end="", flush=True)
    print_nothing_more(sys.stdout, sys.stderr)  # by threads that miss what is being cleared away
    atexit._run_exitfuncs()
    os._exit(status)
