"""A class of visitors at once, on loopback: python benchmarks/load.py [--visitors 30] [--seconds 120].

Starts the page, then as many simulated visitors, each a gradio_client of its own that does what a person does: opens
the page, looks around for a while, brings another picture, chooses another recogniser, asks the API, and now and then
runs a curve. Prints how long each kind of request took, from the click to the first answer and to the last, what
failed, and the memory of the server (Linux: VmRSS) before the crowd, at its peak, and after it has left. Built-in
photographs stand for the visitors' own: the page does not know them, so nobody profits from an earlier visitor.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections import defaultdict
from pathlib import Path

from gradio_client import Client, handle_file

PROJECT = Path(__file__).resolve().parent.parent
LOOKING = 30.0  # seconds, on average, that a visitor drags and looks before the next click
MODELS = ["resnet18"] * 8 + ["resnet101", "resnet"]
CLICKS = {"own picture": 50, "other recogniser": 25, "API": 20, "curve": 5}  # in 100 clicks
EPSILON = 0.03
CONTROLS = (EPSILON, 0.1, False, "FGSM", "dodge")  # epsilon, its top, random signs, method, goal


class Crowd:
    """What the visitors have met: seconds to the first and to the last answer, by kind of request; failures."""

    def __init__(self, url: str, end: float) -> None:
        self.url = url
        self.end = end
        self.waited: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self.failures: list[str] = []

    def visit(self, number: int) -> None:
        chance = random.Random(number)
        photographs = sorted((PROJECT / "assets" / "faces").glob("*/1*.png"))
        client = Client(self.url, verbose=False)
        model = chance.choice(MODELS)
        self.click(client, "opening", api_name="/open_page")
        while time.monotonic() < self.end:
            time.sleep(min(chance.expovariate(1 / LOOKING), max(0, self.end - time.monotonic())))
            photograph = chance.choice(photographs)
            [kind] = chance.choices(list(CLICKS), CLICKS.values())
            if time.monotonic() > self.end:
                break
            if kind == "own picture":
                arguments = (model, *CONTROLS, handle_file(photograph))
                self.click(client, f"attack, {model}", *arguments, api_name="/choose_photo")
            elif kind == "other recogniser":
                model = chance.choice(MODELS)
                self.click(client, f"attack, {model}", model, *CONTROLS, api_name="/change_model")
            elif kind == "API":
                self.click(client, f"API, {model}", handle_file(photograph), model, EPSILON, api_name="/attack")
            else:
                epsilons = f"0, {chance.randint(1, 20) / 1000}"
                self.click(client, "curve, resnet18", ["resnet18"], epsilons, ["FGSM"], api_name="/curve")
        client.close()

    def click(self, client: Client, kind: str, *arguments: object, api_name: str) -> None:
        start = time.monotonic()
        try:
            first = None
            for _ in (job := client.submit(*arguments, api_name=api_name)):
                first = first or time.monotonic() - start
            job.result()
            last = time.monotonic() - start
            self.waited[kind].append((first or last, last))
        except Exception as error:
            self.failures.append(f"{kind}: {error}")


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def memory(process: int) -> float:
    """MiB that the process holds."""
    status = Path(f"/proc/{process}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def serve(port: int) -> tuple[subprocess.Popen, float]:
    """The page's process, and seconds to its first page."""
    environment = os.environ | {"GRADIO_SERVER_PORT": str(port), "GRADIO_SERVER_NAME": "127.0.0.1"}
    start = time.monotonic()
    server = subprocess.Popen([sys.executable, "app.py"], cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL)
    while server.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
            return server, time.monotonic() - start
        except OSError:
            time.sleep(0.05)
    raise SystemExit("The page ended before it began.")


def watch(process: int, held: list[float], over: threading.Event) -> None:
    while not over.wait(0.5):
        held.append(memory(process))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visitors", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--port", type=int, default=7899)
    arguments = parser.parse_args()
    url = f"http://127.0.0.1:{arguments.port}"
    server, to_first_page = serve(arguments.port)
    try:
        report(arguments, url, server, to_first_page)
    finally:
        server.terminate()


def report(arguments: argparse.Namespace, url: str, server: subprocess.Popen, to_first_page: float) -> None:
    start = time.monotonic()
    client = Client(url, verbose=False)
    photograph = PROJECT / "assets" / "faces" / "person_07" / "08.png"
    client.predict(handle_file(photograph), "resnet18", EPSILON, api_name="/attack")
    print(f"first page after {to_first_page:.1f} s, first attack {time.monotonic() - start:.1f} s after that")
    for model in dict.fromkeys(MODELS):  # recognisers stay loaded: their memory is not the crowd's
        client.predict(handle_file(photograph), model, EPSILON, api_name="/attack")
    client.submit(["resnet18"], "0", ["FGSM"], api_name="/curve").result()
    client.close()
    before = memory(server.pid)

    crowd = Crowd(url, time.monotonic() + arguments.seconds)
    held, over = [before], threading.Event()
    threading.Thread(target=watch, args=(server.pid, held, over), daemon=True).start()
    visitors = [threading.Thread(target=crowd.visit, args=(number,)) for number in range(arguments.visitors)]
    start = time.monotonic()
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    took = time.monotonic() - start
    time.sleep(10)
    over.set()

    requests = sum(map(len, crowd.waited.values()))
    print(f"{arguments.visitors} visitors, {took:.0f} s: {requests} requests, {requests / took:.2f} a second")
    print(f"{'':20}  requests  {'first answer p50':>16}  {'p95':>6}  {'all answers p50':>15}  {'p95':>6}")
    for kind, waited in sorted(crowd.waited.items()):
        first, last = zip(*waited, strict=True)
        times = f"{statistics.median(first):14.2f} s  {percentile(first, 0.95):4.2f} s"
        times += f"  {statistics.median(last):13.2f} s  {percentile(last, 0.95):4.2f} s"
        print(f"{kind:20}  {len(waited):8}  {times}")
    print(f"errors: {len(crowd.failures)}", *crowd.failures[:5], sep="\n  ")
    after = memory(server.pid)
    print(f"memory of the server: {before:.0f} MiB before, {max(held):.0f} at its peak, {after:.0f} after")


if __name__ == "__main__":
    main()
