"""What is claimed of robustness: counted right, attacked as others attack, never by a weak attack alone."""

import json
import shutil
import sys
from dataclasses import asdict, replace
from itertools import chain
from types import SimpleNamespace

import pytest
import torch
import torchattacks
from scipy.stats import binomtest
from torch import nn

from fgsm.attacks import ATTACKS
from fgsm.faces.dataset import builtin
from fgsm.measures import evaluate
from fgsm.measures.claims import CLEAN, WORST, Claim, Tried, claim_file, read_claim, write_claim
from fgsm.measures.curve import Snapshot
from fgsm.measures.effort import Effort
from fgsm.measures.evidence import Evidence
from fgsm.measures.made import Made, write_made
from fgsm.measures.needed import DODGING, IMPERSONATION, NEAR, Needed, needed_epsilons, standing
from fgsm.measures.smallest import REFINED
from fgsm.measures.tables import (
    curves_as_csv,
    curves_in,
    matrix_as_csv,
    matrix_in,
    needed_as_csv,
    needed_in,
    write_table,
)
from fgsm.measures.transfer import Matrix
from fgsm.measures.trials import trials
from fgsm.page.curve_tab import CurveTab
from fgsm.page.event import Event
from fgsm.page.measurement import Board
from fgsm.page.service import Service
from fgsm.recognizers import resist, train
from fgsm.recognizers.recognizer import Recognizer, load_recognizer
from fgsm.recognizers.survey import Survey, available_recognizers, checksum, survey_of
from fgsm.texts import Refused

SIZE, EPSILON, STEPS = 32, 0.04, 25
EFFORT = Effort(restarts=2, queries=300, targets=3)


@pytest.fixture(scope="module", autouse=True)
def few_steps():
    """AutoAttack's with fewer steps: here it is compared, not believed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fgsm.measures.trials.APGD_STEPS", STEPS)
        patch.setattr("fgsm.measures.trials.FAB_STEPS", STEPS)
        yield


def recogniser_of(network, labels=40):
    """A recogniser of small faces with a network of its own."""
    config = available_recognizers()["resnet18"]
    config = replace(config, input_size=SIZE, labels=config.labels[:labels], mean=(0.0,) * 3, std=(1.0,) * 3)
    return Recognizer("small", config, network=network).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def small():
    """A network that has learned the built-in training faces in a second, and the faces."""
    torch.manual_seed(0)
    data = builtin(SIZE)
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIZE**2, 64), nn.ReLU(), nn.Linear(64, 40))
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(300):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(data.faces), data.targets).backward()
        optimizer.step()
    return network, data.faces, data.targets


def begun(recogniser, faces, epsilon=EPSILON, effort=EFFORT):
    attacks = trials(effort, len(recogniser.labels))
    names = [f"{at}.png" for at in range(len(faces))]
    return evaluate.begin(recogniser, "0" * 64, names, epsilon, 0, effort, attacks), attacks


def evaluated(network, faces, labels, epsilon=EPSILON):
    recogniser = recogniser_of(network)
    claim, attacks = begun(recogniser, faces, epsilon)
    for _ in evaluate.go_on(claim, recogniser, faces, labels, attacks):
        pass
    return claim


# What is counted


@pytest.fixture(scope="module")
def claim(small):
    return evaluated(small[0], *(part[::4] for part in small[1:]))


def test_a_claim_is_never_better_than_any_attack_in_it(small, claim):
    network, faces, labels = small[0], *(part[::4] for part in small[1:])
    recogniser = recogniser_of(network)
    assert claim.complete and 0 < claim.fooled_by.count(None) < claim.total
    for trial in trials(EFFORT, 40):
        moved = trial.run(recogniser, faces, labels, EPSILON, 5).images
        assert (recogniser(moved).argmax(1) == labels).sum() >= claim.fooled_by.count(None)
    left = [share.right for share in claim.shares()]
    assert left == sorted(left, reverse=True) and left[-1] == left[-2] == claim.fooled_by.count(None)
    assert [share.after for share in claim.shares()] == [*(tried.attack for tried in claim.tried), WORST]


def test_its_intervals_are_wilsons(claim):
    for share in claim.shares():
        theirs = binomtest(share.right, share.total).proportion_ci(method="wilson")
        assert (share.low, share.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
        assert share.accuracy == share.right / share.total


def test_faces_already_fooled_are_not_attacked_again(claim):
    for before, tried in zip(claim.shares(), claim.tried[1:], strict=False):
        assert tried.attacked == before.right
    square = claim.tried[-1]
    assert square.attacked <= square.queries <= square.attacked * EFFORT.queries
    assert claim.tried[3].gains and sum(claim.tried[3].gains) == claim.tried[3].fooled


def test_a_file_holds_all_of_it_and_is_read_again(claim, tmp_path):
    write_claim(claim, tmp_path)
    assert read_claim(tmp_path, "small") == claim
    said = json.loads(claim_file(tmp_path, "small").read_text("utf-8"))
    assert said["accuracy"][-1]["after"] == WORST and said["norm"] == "Linf" and said["precision"] == "float32"
    assert set(said["versions"]) == {"python", "torch", "torchvision", "pyautoattack"}
    assert read_claim(tmp_path, "another") is None


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said["fooled_by"].__setitem__(0, "FGSM" if said["fooled_by"][0] is None else None),
        lambda said: said["accuracy"][-1].update(right=999),
        lambda said: said["accuracy"].pop(),
        lambda said: said["tried"][1].update(fooled=0),
        lambda said: said["tried"][2].update(attacked=1),
        lambda said: said["photographs"].pop(),
        lambda said: said.update(model="resnet18"),
        lambda said: said.update(tried=[]),
        lambda said: said.update(more=1),
        lambda said: said.update(epsilon="8/255"),
        lambda said: said.update(epsilon=float("nan")),
        lambda said: said.update(warnings=None),
        lambda said: said.update(warnings=[1]),
        lambda said: said["tried"][3].update(gains=[-1, 1]),
        lambda said: said["tried"][3].update(seconds="long"),
        lambda said: said["tried"][3].update(seen=10**30),
        lambda said: said["accuracy"][0].update(low=None),
        lambda said: said.update(effort=[said["effort"]]),
        lambda said: said.clear(),
    ],
)
def test_a_claim_that_contradicts_itself_is_none(claim, tmp_path, change):
    write_claim(claim, tmp_path)
    file = claim_file(tmp_path, "small")
    said = json.loads(file.read_text("utf-8"))
    change(said)
    file.write_text(json.dumps(said), "utf-8")
    with pytest.raises(Refused, match="holds no claim"):
        read_claim(tmp_path, "small")


# How it is attacked


def theirs(name, model):
    """The second library's attack of that name."""
    steps = {"eps": EPSILON, "steps": STEPS}
    return {
        CLEAN: lambda: lambda images, labels: images,
        "FGSM": lambda: torchattacks.FGSM(model, eps=EPSILON),
        "BIM": lambda: torchattacks.BIM(model, eps=EPSILON, alpha=EPSILON / 4, steps=10),
        "PGD-50": lambda: torchattacks.PGD(model, eps=EPSILON, alpha=EPSILON / 20, steps=50),
        "APGD-CE": lambda: torchattacks.APGD(model, **steps, loss="ce"),
        "APGD-T": lambda: torchattacks.APGDT(model, **steps, n_classes=4),
        "FAB-T": lambda: torchattacks.FAB(model, **steps, multi_targeted=True, n_classes=4),
        "Square": lambda: torchattacks.Square(model, eps=EPSILON, n_queries=EFFORT.queries, resc_schedule=False),
    }[name]()


@pytest.mark.parametrize("at", range(8))
def test_each_attack_succeeds_as_often_as_a_second_librarys(small, at):
    network, faces, labels = small
    recogniser = recogniser_of(network)
    trial = trials(EFFORT, 40)[at]
    right = (recogniser(trial.run(recogniser, faces, labels, EPSILON, 0).images).argmax(1) == labels).sum().item()
    torch.manual_seed(0)
    expected = (recogniser(theirs(trial.name, recogniser)(faces, labels)).argmax(1) == labels).float().mean().item()
    interval = binomtest(right, len(faces)).proportion_ci(method="wilson")
    assert interval.low <= expected <= interval.high
    assert trial.name == CLEAN or right < 200


class Saturated(nn.Module):
    """Logits so large that the loss of a face named right has no gradient."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        return 1e4 * self.network(images)


class Quantised(Saturated):
    """Sees nine grey levels: rounding has no gradient."""

    def forward(self, images):
        return self.network((8 * images).round() / 8)


@pytest.mark.parametrize(("mask", "epsilon"), [(Saturated, 0.04), (Quantised, 0.06)])
def test_a_model_that_only_masks_its_gradients_is_unmasked(small, mask, epsilon):
    network, faces, labels = small
    claim = evaluated(mask(network), faces[::4], labels[::4], epsilon)
    left = {share.after: share.accuracy for share in claim.shares()}
    assert left["FGSM"] >= left[CLEAN] - 0.05
    assert left[WORST] <= left["FGSM"] - 0.2
    assert any("gradient is zero" in warning for warning in claim.warnings)
    assert any("asks for answers alone" in warning for warning in claim.warnings) == (mask is Quantised)


def test_answers_that_change_by_themselves_are_warned_of(small):
    network, faces, labels = small

    class Random(Saturated):
        def forward(self, images):
            return self.network(images + 0.05 * torch.randn_like(images))

    warnings = evaluate.gradient_warnings(recogniser_of(Random(network)), faces, labels, EPSILON, 0)
    assert any("averag" in warning for warning in warnings)
    assert evaluate.gradient_warnings(recogniser_of(network), faces, labels, EPSILON, 0) == []


def test_more_steps_that_fool_fewer_and_restarts_that_still_gain_are_warned_of(small, monkeypatch):
    network, faces, labels = small
    monkeypatch.setattr(evaluate.BIM, "craft", lambda model, images, *rest: images)
    [warning] = evaluate.gradient_warnings(recogniser_of(network), faces, labels, EPSILON, 0)
    assert warning.startswith("BIM fooled 0 of 16 faces and FGSM")
    tried = Tried("PGD-50", "", "fgsm", seen=2, attacked=2, fooled=2, gains=[1, 0, 0, 1])
    claim, _ = begun(recogniser_of(network), faces[:2])
    claim.tried, claim.fooled_by = [tried], ["PGD-50"] * 2
    assert "last random starts of PGD-50 still fooled 1" in evaluate.count_warnings(claim)[0]


@pytest.mark.parametrize(
    ("gains", "warned"), [([10, 9], True), ([3], False), ([3, 1, 0, 0, 0], False), ([3, 0], False)]
)
def test_late_restarts_alone_are_warned_of(small, gains, warned):
    claim, _ = begun(recogniser_of(small[0]), small[1][:20])
    claim.tried = [Tried("PGD-50", "", "fgsm", seen=20, attacked=20, fooled=sum(gains), gains=gains)]
    assert bool(evaluate.count_warnings(claim)) == warned


@pytest.mark.parametrize(("labels", "left_out"), [(2, {"APGD-T"}), (3, {"APGD-T"}), (4, set())])
def test_a_recogniser_of_few_people_is_evaluated_and_warned_of(labels, left_out):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIZE**2, labels))
    faces = torch.rand(6, 3, SIZE, SIZE)
    recogniser = recogniser_of(network, labels)
    claim, attacks = begun(recogniser, faces, 0.002, Effort(1, 20, 9))
    for _ in evaluate.go_on(claim, recogniser, faces, network(faces).argmax(1), attacks):
        pass
    assert claim.complete and {"APGD-T"} - {trial.name for trial in attacks} == left_out
    assert any("few labels" in warning for warning in claim.warnings) == bool(left_out)
    with pytest.raises(Refused, match="one label"):
        trials(EFFORT, 1)


# The command


@pytest.fixture
def quick(monkeypatch):
    """The first four attacks, on one face at a time."""
    monkeypatch.setattr("fgsm.cli.evaluate.trials", lambda *about: trials(*about)[:4])
    monkeypatch.setattr(evaluate, "TOGETHER", 1)
    monkeypatch.setattr("fgsm.measures.trials.PGD_STEPS", 3)
    monkeypatch.setattr(evaluate, "gradient_warnings", lambda *about: [])


ASKED = ("evaluate", "--model", "resnet18", "--faces", 4, "--epsilon", 0.006, "--restarts", 2)


def without_time(claim):
    return {**asdict(claim), "tried": [{**asdict(tried), "seconds": 0} for tried in claim.tried]}


def test_a_call_after_ctrl_c_goes_on_and_comes_to_the_same(command_line, tmp_path, quick, monkeypatch):
    code, output, error = command_line(*ASKED, "--out", tmp_path / "whole")
    assert code == 0, error
    whole = read_claim(tmp_path / "whole", "resnet18")
    assert whole.complete and f"{whole.fooled_by.count(None) / 4:.1%}" in output and "PGD-3" in output

    asked, attempt = [], evaluate._attempt

    def interrupted(claim, tried, *rest):
        asked.append(tried.attack)
        if len(asked) == 6:
            raise KeyboardInterrupt
        attempt(claim, tried, *rest)

    monkeypatch.setattr(evaluate, "_attempt", interrupted)
    code, _, error = command_line(*ASKED, "--out", tmp_path)
    assert code == 130 and "claim_resnet18.json has what was counted" in error
    kept = read_claim(tmp_path, "resnet18")
    assert not kept.complete and [tried.seen for tried in kept.tried] == [4, 1, 0, 0]
    code, output, error = command_line(*ASKED, "--out", tmp_path)
    assert code == 0, error
    assert asked[6:].count(CLEAN) == 0 and asked[6:].count("FGSM") == 3
    assert without_time(read_claim(tmp_path, "resnet18")) == without_time(whole)


def test_other_options_do_not_go_on_with_a_claim(command_line, tmp_path, quick):
    assert command_line(*ASKED, "--out", tmp_path)[0] == 0
    before = claim_file(tmp_path, "resnet18").read_bytes()
    for other in (("--seed", 1), ("--restarts", 3), ("--faces", 3), ("--epsilon", 0.007)):
        code, _, error = command_line(*ASKED, *other, "--out", tmp_path)
        assert code == 2 and "begun with other weights, faces, options" in error
    assert claim_file(tmp_path, "resnet18").read_bytes() == before
    claim_file(tmp_path, "resnet18").write_text("[]", "utf-8")
    code, _, error = command_line(*ASKED, "--out", tmp_path)
    assert code == 2 and error.strip().endswith("--out.") and "holds no claim" in error


def test_it_stops_when_its_minutes_are_over(command_line, tmp_path, quick, monkeypatch):
    ticks = iter(range(0, 10**6, 50))
    monkeypatch.setattr("fgsm.cli.evaluate.time.monotonic", lambda: next(ticks))
    code, output, error = command_line(*ASKED, "--minutes", 1, "--out", tmp_path)
    assert code == 0, error
    assert "not finished; the same command goes on from claim_resnet18.json" in output
    claim = read_claim(tmp_path, "resnet18")
    assert not claim.complete and claim.limit_minutes == 1 and sum(tried.seen for tried in claim.tried) == 1


def test_without_the_library_it_says_what_to_install(command_line, tmp_path, monkeypatch):
    for part in ("", ".autopgd_base", ".fab_pt", ".square"):
        monkeypatch.setitem(sys.modules, f"pyautoattack{part}", None)
    code, _, error = command_line(*ASKED, "--out", tmp_path)
    assert code == 2 and 'pip install ".[evaluate]"' in error and "Traceback" not in error


@pytest.mark.parametrize("option", ["--faces", "--queries", "--targets", "--restarts", "--minutes"])
@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "9" * 30])
def test_counts_are_counts(command_line, tmp_path, option, value):
    code, _, error = command_line(*ASKED, f"{option}={value}", "--out", tmp_path)
    assert code == 2 and "is not a count: give a whole number from 1" in error


# How little it takes


def linear(scale):
    """Two people, told apart by a weighted sum: the smallest epsilon that fools is the margin over the weights' sum."""
    torch.manual_seed(1)
    layer = nn.Linear(3 * SIZE**2, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.randn_like(layer.weight) * scale)
        layer.bias.zero_()
    return nn.Sequential(nn.Flatten(), layer), layer


@pytest.mark.parametrize("attack", ["FGSM", "PGD"])
@pytest.mark.parametrize("goal", [DODGING, IMPERSONATION])
def test_the_smallest_epsilon_is_the_closed_form(attack, goal):
    network, layer = linear(0.05)
    recogniser = recogniser_of(network, labels=2)
    faces = 0.4 + 0.2 * torch.rand(22, 3, SIZE, SIZE)
    faces[5] += 0.3 * (layer.weight[0] - layer.weight[1]).sign().view(3, SIZE, SIZE)  # out of reach
    faces = faces.clamp(0, 1)
    logits = recogniser(faces)
    labels = logits.argmax(1)
    weights = (layer.weight[0] - layer.weight[1]).abs().sum()
    margins = (logits[:, 0] - logits[:, 1]).abs() / weights
    found = torch.tensor([*chain(*needed_epsilons(recogniser, faces, labels, ATTACKS[attack], goal))])
    assert found[5] == float("inf") and len(found) == 22
    rest = torch.arange(22) != 5
    enough = 2 * REFINED if attack == "FGSM" else NEAR * found[rest] + 2 * REFINED
    assert (found[rest] >= margins[rest] - 2 * REFINED).all()
    assert (found[rest] <= margins[rest] + enough).all()


def test_who_is_named_wrongly_needs_nothing():
    network, _ = linear(0.05)
    recogniser = recogniser_of(network, labels=2)
    faces = torch.rand(3, 3, SIZE, SIZE)
    wrong = 1 - recogniser(faces).argmax(1)
    for name in ("FGSM", "PGD"):
        assert [*chain(*needed_epsilons(recogniser, faces, wrong, ATTACKS[name], DODGING))] == [0.0] * 3


@pytest.mark.parametrize("name", list(ATTACKS))
def test_each_face_at_its_own_epsilon_is_the_face_at_that_epsilon(small, name):
    network, faces, labels = small
    moves = ATTACKS[name].moves(recogniser_of(network), faces[:3], labels[:3], range(3))
    each = moves.each_at(torch.tensor([0.03, 0.01]), torch.tensor([2, 0]))
    assert torch.equal(each[0], moves.at([0.03])[0, 2]) and torch.equal(each[1], moves.at([0.01])[0, 0])


def test_quartiles_and_places_are_those_of_the_sorted_faces():
    needed = Needed(
        "m", "abcdefabcdef", "FGSM", DODGING, list("abcdefgh"), [0.08, 0.01, 0.02, float("inf"), 0.04, 0.05, 0.06, 0.03]
    )
    assert [needed.quantile(share) for share in (0.25, 0.5, 0.75, 1)] == [0.02, 0.04, 0.06, float("inf")]
    assert standing(needed, 0.0299999) == {"harder": 5, "easier": 2, "total": 8}
    assert standing(needed, 0.11) is None  # how the others fare there was not tried
    assert needed_in(needed_as_csv([needed])) == [needed]
    table = needed_as_csv([needed])
    hostile = [("0.08", "far"), ("0.08", "nan"), ("0.08", "-1"), ("abcdefabcdef", ""), ("0.08", '"' + 200_000 * "x")]
    for text in ("", "model,epsilon\n", table[:-10], *(table.replace(*change) for change in hostile)):
        with pytest.raises(ValueError):
            needed_in(text)


def test_curves_and_a_matrix_are_read_as_they_were_written():
    curve = Snapshot("one", "FGSM", "float32", [0.0, 8 / 255], [9, 3], [0, 6], [0, 1], 9, 10, [[], []])
    other = replace(curve, model="two", correct=[8, 0], fooled=[0, 8], recognised=8)
    assert curves_in(curves_as_csv([curve, other])) == [curve, other]
    nothing = [[0, 0], [0, 0]]
    matrix = Matrix(
        ["one", "two"], "FGSM", "float32", 0.02, [9, 8], [[1, 7], [6, 2]], nothing, 10, [[[], []], [[], []]]
    )
    assert matrix_in(matrix_as_csv(matrix)) == matrix
    table = curves_as_csv([curve])
    for text in (
        "",
        table.replace("FGSM,float32", "FGSM"),
        table.replace(",9,10", ",11,10"),
        table.replace("0.0,", "2,"),
        table.replace("0.0,", "0.1,"),
        table.replace("FGSM", "somebody's"),
        table.replace(",10,", f",{10**300},"),
        table.replace(",9,10", ",9,11"),
        "\n".join(reversed(table.splitlines())),
        "\n".join([table.splitlines()[0], *reversed(table.splitlines()[1:])]),
    ):
        with pytest.raises(ValueError):
            curves_in(text)
    table = matrix_as_csv(matrix)
    columns, *rows = table.splitlines()
    for text in (
        "",
        "\n".join([columns, *rows[:-1]]),
        table.replace(",6,10", ",x,10"),
        table.replace("FGSM", "somebody's"),
        table.replace(",10,", f",{10**300},"),
        "\n".join([columns, *rows[:2], *reversed(rows[2:])]),
    ):
        with pytest.raises(ValueError):
            matrix_in(text)


def test_curves_are_evidence_for_the_very_weights_they_were_measured_on(tmp_path):
    installed = survey_of().look().usable
    curves = [Snapshot(name, "FGSM", "float32", [0.0], [9], [0], [0], 9, 10, [[]]) for name in ("resnet18", "resnet")]
    weights = {"resnet18": checksum(installed["resnet18"])[:12], "resnet": "0" * 12}
    table = tmp_path / "accuracy.csv"
    write_table(curves_as_csv(curves), table)
    assert Evidence(tmp_path).curves(installed) is None  # nobody says how they were measured
    write_made(made := Made("python -m fgsm curve", "2026-11-28", weights), table)
    assert Evidence(tmp_path).curves(installed) is None  # of which one has other weights by now
    write_table(curves_as_csv(curves[:1]), table)
    assert Evidence(tmp_path).curves(installed) == (made, curves[:1])
    for hostile in (
        "",
        "[]",
        "{}",
        '{"command": 7, "date": "x", "weights": {}}',
        '{"command": "x", "date": "x", "weights": 7}',
        json.dumps({"command": "x", "date": "x", "weights": {"resnet18": weights["resnet18"][0]}}),
        "[" * 10**5,
    ):
        table.with_suffix(".json").write_text(hostile)
        assert Evidence(tmp_path).curves(installed) is None
    service = Service()
    service.evidence = Evidence(tmp_path)
    write_made(made, table)
    shown = CurveTab(service).opening()
    assert shown["state"] == "shipped" and shown["shipped"]["date"] == "2026-11-28"
    assert [curve["model"] for curve in shown["curves"]] == ["resnet18"]
    event = Event(service, SimpleNamespace(session_hash="somebody", client=None, headers={}))
    buttons = CurveTab(service).hand_out(Board(), event)  # there is no figure
    assert [button.interactive for button in buttons] == [False, False]


def test_the_command_writes_what_it_finds(command_line, tmp_path, monkeypatch):
    from fgsm.recognizers.testset import named_test_set

    def three(recogniser):
        names, faces, labels = named_test_set(recogniser)
        return names[:3], faces[:3], labels[:3]

    monkeypatch.setattr("fgsm.cli.measure.named_test_set", three)
    code, output, error = command_line("smallest", "--model", "resnet18", "--attack", "FGSM", "--out", tmp_path)
    assert code == 0, error
    found = needed_in((tmp_path / "smallest.csv").read_text("utf-8"))
    assert [(needed.goal, len(needed.epsilons)) for needed in found] == [(DODGING, 3), (IMPERSONATION, 3)]
    model = load_recognizer("resnet18", "cpu")
    _, faces, labels = three(model)
    for face, label, epsilon in zip(faces, labels, found[0].epsilons, strict=True):
        moves = ATTACKS["FGSM"].moves(model, face[None], label[None], [0])
        answers = [model(moves.at([at])[0]).argmax().item() for at in (epsilon + REFINED, epsilon - 3 * REFINED)]
        assert answers[0] != label == answers[1]
    assert (tmp_path / "smallest.png").stat().st_size > 10_000
    assert f"{found[0].quantile(0.5):.4f}" in output


# What is remembered


def test_a_checksum_changes_with_whatever_decides_the_answers(tmp_path):
    folder = tmp_path / "one"
    shutil.copytree(survey_of().look().named("dlib").path, folder)

    def changed(**entries):
        config = json.loads((folder / "config.json").read_text("utf-8"))
        (folder / "config.json").write_text(json.dumps({**config, **entries}), "utf-8")
        return checksum(Survey(tmp_path).look().named("one"))

    first = changed()
    assert changed(data="other words", test_accuracy=0.5) == first
    seen = {first, changed(threshold=0.6), changed(mean=[0.1, 0.2, 0.3]), changed(std=[0.5, 0.2, 0.3])}
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    assert len({*seen, changed()}) == 5


def test_evidence_is_about_these_weights_alone(claim, tmp_path):
    checkpoint = survey_of().look().named("resnet18")
    about = replace(claim, model="resnet18", weights=checksum(checkpoint))
    write_claim(about, tmp_path)
    needed = Needed("resnet18", about.weights[:12], "FGSM", DODGING, ["a.png"], [0.01])
    (tmp_path / "smallest.csv").write_text(needed_as_csv([needed]), "utf-8")
    evidence = Evidence(tmp_path)
    assert evidence.claim(checkpoint) == about and evidence.needed(checkpoint, "FGSM", DODGING) == needed
    assert evidence.needed(checkpoint, "PGD", DODGING) is None

    write_claim(replace(about, weights="0" * 64), tmp_path)
    (tmp_path / "smallest.csv").write_text(needed_as_csv([replace(needed, weights="0" * 12)]), "utf-8")
    evidence = Evidence(tmp_path)
    assert evidence.claim(checkpoint) is None and evidence.needed(checkpoint, "FGSM", DODGING) is None
    unfinished = replace(about, tried=[replace(tried, seen=0) for tried in about.tried])
    claim_file(tmp_path, "resnet18").write_text("{", "utf-8")
    (tmp_path / "smallest.csv").write_text("nothing", "utf-8")
    evidence = Evidence(tmp_path)
    assert not unfinished.complete
    assert evidence.claim(checkpoint) is None and evidence.needed(checkpoint, "FGSM", DODGING) is None
    assert Evidence(tmp_path / "nowhere").claim(checkpoint) is None


# How a network is taught to resist


def test_trades_is_the_closed_form_of_a_weighted_sum():
    network, layer = linear(0.02)
    face, target, epsilon = 0.5 + torch.zeros(1, 3, SIZE, SIZE), torch.tensor([1]), 0.02
    torch.manual_seed(0)
    loss = resist.trades(network, face, target, epsilon, 10, 3.0)
    logits = network(face)
    step = epsilon * (layer.weight[0] - layer.weight[1]).sign().view_as(face)
    clean = logits.double().log_softmax(1)
    apart = [
        (clean.exp() * (clean - network(face + side * step).double().log_softmax(1))).sum().item() for side in (-1, 1)
    ]
    expected = [-clean[0, 1].item() + 3 * divergence for divergence in apart]
    assert min(abs(loss.item() - value) for value in expected) < 1e-3 * loss.item()
    assert min(apart) > 0.01
    loss.backward()
    assert layer.weight.grad.abs().sum() > 0 and network.training


def test_one_face_of_every_fourth_person_is_held_out():
    targets = torch.arange(40).repeat_interleave(5)
    held = resist.held_out(targets)
    assert held.sum() == 10 and targets[held].tolist() == list(range(3, 40, 4))
    assert all(torch.where(held)[0] % 5 == 4)
    assert not resist.held_out(torch.arange(40).repeat(2)).any()  # two are needed to learn from


def test_the_guard_sees_resistance_break_down_and_lets_sizes_change(small):
    network, faces, labels = small
    guard = resist.Guard(faces[::10], labels[::10], 0.001)
    assert guard.look(network, SIZE) < 2 and not guard.lost
    blank = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIZE**2, 40))
    assert guard.look(blank, SIZE) > 2 and guard.lost
    other = resist.Guard(faces[::10], labels[::10], 0.001)
    other.look(network, SIZE)
    other.look(nn.Sequential(nn.AdaptiveAvgPool2d(SIZE), blank), 24)
    assert not other.lost


def test_training_ends_when_resistance_breaks_down_and_keeps_the_best(monkeypatch):
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIZE**2, 40))
    recogniser = recogniser_of(network)
    recipe = replace(train.ADVERSARIAL_RECIPE, epochs=5, averaging=0.0)
    losses, seen = iter([3.0, 1.0, 2.0, 0.5, 0.1]), []

    def epochs(model, averaged, faces, targets, recipe):
        for number in range(1, 6):
            seen.append(number)
            with torch.no_grad():
                network[1].bias.fill_(number)
            averaged.update_parameters(model)
            yield train.Epoch(number, SIZE, 0.01 * number, 0.0)  # epsilon rises: the last is not the best for that

    def look(guard, model, size):
        guard.lost = seen[-1] == 3
        return next(losses)

    monkeypatch.setattr(train, "_epochs", epochs)
    monkeypatch.setattr(resist.Guard, "look", look)
    targets = torch.arange(40).repeat_interleave(3)
    assert train.fit(recogniser, torch.rand(120, 3, SIZE, SIZE), targets, recipe) == (2, False)
    assert seen == [1, 2, 3] and network[1].bias.unique().tolist() == [2.0]


def test_claims_name_everything_that_was_asked(small):
    claim, _ = begun(recogniser_of(small[0]), small[1][:2])
    assert isinstance(claim, Claim) and claim.asks()["attacks"][1] == ("FGSM", "one step")
