"""Starting the page, in the order that its parts ask for: the environment, then what reads it, then the server."""

import os
import sys
import threading
from typing import NoReturn

from . import machine

SWITCH = 0.0005  # seconds after which a busy thread lets the computing one go on, which asks at every operation
MOST_THREADS = 240  # visitors wait in threads for the one that computes; more than the gate lets in


def run() -> NoReturn:
    """Serve the page until it is stopped. Ends the program."""
    # OpenMP's threads, which wait for each other by spinning, take three times as long for a step where anything else
    # wants a core, as a page with visitors does; spinning for a moment only is as fast alone, and beside others too.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # before PyTorch is loaded
    os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "100"  # which Gradio counts over anew after each
    host, port = machine.prepare()

    from ..faces.picture import without_warnings
    from .layout import laid_out, launch_settings
    from .service import Service
    from .staging import warm_up

    sys.setswitchinterval(SWITCH)
    without_warnings()
    service = Service()
    threading.Thread(target=warm_up, args=(service,), daemon=True).start()
    with machine.in_a_sentence():
        page = laid_out(service)
    settings = launch_settings(page, service)
    machine.serve(page, server_name=host, server_port=port, max_threads=MOST_THREADS, **settings)
