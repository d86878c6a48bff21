"""A class of visitors at once, on loopback: python benchmarks/load.py [--visitors 30] [--seconds 180] [--hostile 1].

Starts the page, then as many simulated visitors, each a gradio_client of its own that does what a person does: opens
the page, looks around for a while, brings another picture, chooses another recogniser, asks the API, and now and then
runs a curve. Prints how long each kind of request took, from the click to the first answer and to the last, what
failed, and the memory of the server (Linux: VmRSS) before the crowd, at its peak, and after it has left. Built-in
photographs stand for the visitors' own: the page does not know them, so nobody profits from an earlier visitor.

Beside them, hostile clients: each posts, again and again, two dozen curves of PGD at fifty epsilons on the deepest
network, as many short ones and over a hundred PGD attacks, half of which it never fetches, under names of visits that
it invents, with an open heartbeat for some; and bodies and files that are too large. What they are told is counted.
"""

import argparse
import contextlib
import multiprocessing
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
from typing import Any

import httpx
from gradio_client import Client, handle_file

PROJECT = Path(__file__).resolve().parent.parent
LOOKING = 30.0  # seconds, on average, that a visitor drags and looks before the next click
MODELS = ["resnet18"] * 8 + ["resnet101", "resnet"]
CLICKS = {"own picture": 50, "other recogniser": 25, "API": 20, "curve": 5}  # in 100 clicks
EPSILON = 0.03
CONTROLS = ("FGSM", "dodge", 0.1, False)  # method, goal, top of the slider, random signs
PAUSE = 10.0  # seconds between two rounds of a hostile client
MANY = ", ".join(f"{at / 100}" for at in range(1, 51))


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
        model, picture = chance.choice(MODELS), None
        self.click(client, "opening", api_name="/open_page")
        while time.monotonic() < self.end:
            time.sleep(min(chance.expovariate(1 / LOOKING), max(0, self.end - time.monotonic())))
            photograph = chance.choice(photographs)
            [kind] = chance.choices(list(CLICKS), CLICKS.values())
            if time.monotonic() > self.end:
                break
            if kind == "own picture":
                picture = self.brought(photograph)
                self.click(client, f"attack, {model}", model, *CONTROLS, picture, EPSILON, api_name="/choose_photo")
            elif kind == "other recogniser":
                model = chance.choice(MODELS)
                self.click(client, f"attack, {model}", model, *CONTROLS, picture, EPSILON, api_name="/change_model")
            elif kind == "API":
                self.click(client, f"API, {model}", handle_file(photograph), model, EPSILON, api_name="/attack")
            else:
                epsilons = f"0, {chance.randint(1, 20) / 1000}"
                self.click(client, "curve, resnet18", ["resnet18"], epsilons, ["FGSM"], api_name="/curve")
        client.close()

    def brought(self, photograph: Path) -> dict[str, str]:
        """A picture sent to the page, as the page's own events name it from then on."""
        sent = httpx.post(f"{self.url}/gradio_api/upload", files={"files": photograph.read_bytes()}, timeout=60)
        return {"path": sent.json()[0]}

    def click(self, client: Client, kind: str, *arguments: object, api_name: str) -> None:
        start = time.monotonic()
        try:
            first = None
            for answer in (job := client.submit(*arguments, api_name=api_name)):
                if first is None and is_answer(answer):
                    first = time.monotonic() - start
            job.result()
            last = time.monotonic() - start
            self.waited[kind].append((first or last, last))
        except Exception as error:
            self.failures.append(f"{kind}: {error}")


def is_answer(answer: object) -> bool:
    """Whether it holds what was asked for, scores or counts, and not only a word on what comes."""
    parts = answer if isinstance(answer, (list, tuple)) else [answer]
    return any(isinstance(part, dict) and (part.get("scores") or part.get("curves")) for part in parts)


class Hostile:
    """A client that means harm, for so many seconds; `told` counts what it was answered."""

    def __init__(self, url: str, seconds: float, number: int) -> None:
        self.url = f"{url}/gradio_api"
        self.end = time.monotonic() + seconds
        self.chance = random.Random(number)
        self.told: dict[str, int] = defaultdict(int)

    def run(self) -> None:
        while time.monotonic() < self.end:
            threads = [threading.Thread(target=self.flood, args=(lane,), daemon=True) for lane in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(max(0, self.end - time.monotonic()))
            time.sleep(min(PAUSE, max(0, self.end - time.monotonic())))

    def flood(self, lane: int) -> None:
        with httpx.Client(timeout=30) as http, contextlib.ExitStack() as open_pages:
            session = f"hostile-{self.chance.getrandbits(60)}"
            try:
                if lane % 4 == 0:
                    open_pages.enter_context(http.stream("GET", f"{self.url}/heartbeat/{session}"))
                self.send(http, "a large body", "/call/attack", content=b"[" + b"0," * 10**6)
                self.send(http, "a large file", "/upload", files={"files": b"x" * 41_000_000})
                for at in range(3):
                    self.ask(http, "a curve of hours", lane, session, "curve", ["resnet101"], MANY, ["PGD"])
                    self.ask(http, "a short curve", lane, session, "curve", ["resnet101"], f"0, 0.{at}1", ["PGD"])
                face = next((PROJECT / "assets" / "faces").glob("*/10.png")).read_bytes()
                for _ in range(8):
                    uploaded = self.send(http, "a picture", "/upload", files={"files": face})
                    photo = {"path": uploaded[0] if uploaded else "", "meta": {"_type": "gradio.FileData"}}
                    self.ask(http, "an attack", lane, session, "attack", photo, "resnet101", 0.03, "PGD")
                    controls = ["resnet101", "PGD", "dodge", 0.1, False, photo, 0.03]
                    self.ask(http, "a stage", lane, session, "change_model", *controls)
            except httpx.HTTPError as error:
                self.told[f"no answer ({type(error).__name__})"] += 1

    def ask(self, http: httpx.Client, what: str, lane: int, session: str, event: str, *data: object) -> None:
        name = session if lane < 6 else f"invented-{self.chance.getrandbits(60)}"
        sent = self.send(http, what, f"/call/{event}", json={"data": data, "session_hash": name})
        if sent and lane % 2:
            with (
                contextlib.suppress(httpx.HTTPError),
                http.stream("GET", f"{self.url}/call/{event}/{sent['event_id']}"),
            ):
                time.sleep(self.chance.random())

    def send(self, http: httpx.Client, what: str, address: str, **body: object) -> Any:
        answer = http.post(self.url + address, **body)
        self.told[f"{what}: {answer.status_code}"] += 1
        return answer.json() if answer.status_code == 200 else None


def run_hostile(url: str, seconds: float, number: int) -> dict[str, int]:
    """What a hostile client was told."""
    client = Hostile(url, seconds, number)
    client.run()
    return dict(client.told)


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
    parser.add_argument("--hostile", type=int, default=1)
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
    # Processes of their own, so that their work does not slow the visitors' clocks.
    processes = multiprocessing.get_context("spawn").Pool(max(1, arguments.hostile))
    hostile = [
        processes.apply_async(run_hostile, (url, arguments.seconds, number)) for number in range(arguments.hostile)
    ]
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
    everything = [times for waited in crowd.waited.values() for times in waited]
    for kind, waited in [*sorted(crowd.waited.items()), ("all kinds", everything)]:
        first, last = zip(*waited, strict=True)
        times = f"{statistics.median(first):14.2f} s  {percentile(first, 0.95):4.2f} s"
        times += f"  {statistics.median(last):13.2f} s  {percentile(last, 0.95):4.2f} s"
        print(f"{kind:20}  {len(waited):8}  {times}")
    print(f"errors: {len(crowd.failures)}", *crowd.failures[:5], sep="\n  ")
    for client in hostile:
        told = sorted(client.get(120).items())
        print("a hostile client was answered:", *(f"{what} ({count})" for what, count in told), sep="\n  ")
    after = memory(server.pid)
    print(f"memory of the server: {before:.0f} MiB before, {max(held):.0f} at its peak, {after:.0f} after")


if __name__ == "__main__":
    main()
