import hashlib
import itertools
import struct
import sys
import time
import zlib

import numpy as np
import PIL
import pytest
import torch
from PIL import Image

from fgsm.faces.detect import Detection
from fgsm.faces.framing import Square, plain
from fgsm.faces.people import list_people, split
from fgsm.faces.picture import open_picture
from fgsm.faces.prepare import as_tensor, load_faces, prepare
from fgsm.places import BUILTIN_FACES
from fgsm.recognizers.survey import available_recognizers
from fgsm.texts import Refused

from .conftest import SHIPPED_MODELS
from .hostile import chunk, saved


def test_the_database_of_faces_is_whole():
    people = list_people(BUILTIN_FACES)
    assert list(people)[:2] == ["person 01", "person 02"] and len(people) == 40
    for photographs in people.values():
        assert [photograph.name for photograph in photographs] == [f"{n:02d}.png" for n in range(1, 11)]
    sizes = {(*Image.open(p).size, Image.open(p).mode) for photographs in people.values() for p in photographs}
    assert sizes == {(92, 112, "L")}


def test_no_test_face_is_among_the_training_faces():
    training, test = split(list_people(BUILTIN_FACES))
    assert len(training) == len(test) == 200
    assert {p.name for p in training} == {f"{n:02d}.png" for n in range(1, 6)}
    assert {p.name for p in test} == {f"{n:02d}.png" for n in range(6, 11)}
    digests = [{hashlib.sha256(Image.open(p).tobytes()).hexdigest() for p in part} for part in (training, test)]
    assert not digests[0] & digests[1]


def test_every_checkpoint_names_the_test_faces_of_the_protocol():
    expected = {p.relative_to(BUILTIN_FACES).as_posix() for p in split(list_people(BUILTIN_FACES))[1]}
    for config in available_recognizers(SHIPPED_MODELS).values():
        if config.faces == "assets/faces":
            assert set(config.test_photographs) == expected


@pytest.fixture
def pixels():
    """Colour pixels, upright: wider than high, bright at the left."""
    return np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)


def centre(pixels):
    return torch.from_numpy(pixels[:, 10:50].astype(np.float32) / 255).permute(2, 0, 1)


def test_rgb_is_the_centre_square(pixels):
    prepared = prepare(Image.fromarray(pixels), 40)
    assert prepared.dtype == torch.float32 and prepared.is_contiguous()
    assert torch.equal(prepared, centre(pixels))


def test_grey_is_repeated(pixels):
    prepared = prepare(Image.fromarray(pixels[..., 0]), 40)
    assert torch.equal(prepared, centre(pixels[..., :1].repeat(3, 2)))


def test_transparency_is_laid_on_white(pixels):
    alpha = np.zeros((40, 60, 1), np.uint8)
    alpha[:20] = 255
    prepared = prepare(Image.fromarray(np.concatenate([pixels, alpha], 2)), 40)
    assert torch.equal(prepared[:, :20], centre(pixels)[:, :20])
    assert (prepared[:, 20:] == 1).all()


def test_a_palette_becomes_its_colours(pixels):
    palette = Image.fromarray(pixels // 128 * 128).quantize(8)
    assert torch.equal(prepare(palette, 40), centre(np.asarray(palette.convert("RGB"))))


def test_16_bits_are_scaled_to_8(pixels, tmp_path):
    file = tmp_path / "scan.png"
    Image.fromarray(pixels[..., 0].astype(np.uint16) * 257).save(file)
    prepared = prepare(open_picture(file), 40)
    assert torch.equal(prepared, centre(pixels[..., :1].repeat(3, 2)))


@pytest.mark.parametrize("dim", [0.02, 0.003, 0.0])
def test_a_dark_16_bit_picture_stays_dark(dim, tmp_path):
    file = tmp_path / "dark.png"
    Image.fromarray(np.full((32, 32), round(65535 * dim), np.uint16)).save(file)
    assert prepare(open_picture(file), 8).max() == pytest.approx(dim, abs=1 / 255)


def deep(values, kind="TIFF", **options):
    """The first row that `open_picture` reads in a picture of these values, repeated to 32 rows."""
    values = np.asarray(values)
    return read(saved(Image.fromarray(np.tile(values, (32, 32 // len(values)))), kind, **options))[: len(values)]


def read(data):
    return np.asarray(open_picture(data))[0, :, 0].tolist()


def test_floats_up_to_1_are_shares_of_white():
    assert deep(np.float32([0, 0.5, 0.5, 1])) == [0, 128, 128, 255]
    assert deep(np.float32([0, 0.25, 0.25, 0.5])) == [0, 64, 64, 128]
    assert deep(np.float32([0, 100, 200, 255])) == [0, 100, 200, 255]
    assert deep(np.float32([0, 257, 25700, 65535])) == [0, 1, 100, 255]


@pytest.mark.filterwarnings("error")
def test_floats_that_are_no_numbers_are_black_or_white():
    assert deep(np.float32([np.nan, -np.inf, np.inf, 0.5])) == [0, 0, 255, 128]
    assert deep(np.float32([np.nan] * 4)) == [0] * 4
    assert deep(np.float32([-3e38, -1, 0, 1e-30])) == [0] * 4
    assert deep(np.float32([0, 0, 3e38, 3e38])) == [0, 0, 255, 255]


def test_a_dark_picture_of_integers_stays_dark():
    assert deep(np.int32([0, 200, 2**30, 2**31 - 1])) == [0, 0, 128, 255]
    assert deep(np.int32([0, 200, 200, 200])) == [0] * 4
    assert deep(np.uint16([0, 200, 2570, 5140])) == [0, 1, 10, 20]
    assert deep(np.uint16([0, 200, 2570, 5140]), "PPM") == [0, 1, 10, 20]
    assert deep(np.uint16([0, 200, 2570, 5140]), "JPEG2000") == [0, 1, 10, 20]
    assert deep(np.int32([0, 200, 2570, 5140]), "PNG") == [0, 1, 10, 20]


def test_integers_in_memory_are_of_16_bits():
    dark = Image.fromarray(np.full((40, 40), 200, np.int32))
    assert prepare(dark, 40).max() == pytest.approx(1 / 255)


def retyped(data, *tags):
    """A TIFF with other values of these short tags, and its pixels as they were."""
    for tag, before, after in tags:
        entry = struct.pack("<HHIHH", tag, 3, 1, before, 0)
        assert entry in data
        data = data.replace(entry, struct.pack("<HHIHH", tag, 3, 1, after, 0))
    return data


def made_tiff(bits, sample_format, values):
    """A TIFF with 32 rows of these values, a file as other programs write them."""
    row = np.tile(values, 32 // len(values))
    if bits == 12:
        packed = int("".join(f"{value:012b}" for value in row), 2).to_bytes(len(row) * 12 // 8, "big")
    else:
        packed = row.astype(f"<{'ui'[sample_format - 1]}{bits // 8}").tobytes()
    tags = [(256, 32), (257, 32), (258, bits), (259, 1), (262, 1), (273, 200), (277, 1), (278, 32)]
    tags += [(279, 32 * len(packed)), (339, sample_format)]
    entries = b"".join(struct.pack("<HHII", tag, 4 if tag == 279 else 3, 1, value) for tag, value in tags)
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4)
    return head.ljust(200, b"\0") + packed * 32


@pytest.mark.parametrize(
    ("bits", "sample_format", "white"),
    [(12, 1, 2**12 - 1), (16, 1, 2**16 - 1), (16, 2, 2**15 - 1), (32, 1, 2**32 - 1), (32, 2, 2**31 - 1)],
)
def test_the_white_of_a_tiff_is_that_of_its_bits(bits, sample_format, white):
    assert read(made_tiff(bits, sample_format, np.array([0, white // 2, 9 * (white // 10), white])))[
        :4
    ] == pytest.approx([0, 127.5, 229.5, 255], abs=1)
    assert max(read(made_tiff(bits, sample_format, np.array([0, white // 1000] * 2)))) == 0


def test_a_large_tiff_is_scaled_before_it_is_made_smaller():
    values = np.tile(np.uint32([2**31 - 1, 2**31 + 1]).view(np.int32), (32, 1600))
    tiff = retyped(saved(Image.fromarray(values), "TIFF"), (339, 2, 1))
    assert set(read(tiff)) <= {127, 128}


def test_16_bit_colours_are_scaled_to_8():
    header = struct.pack(">IIBBBBB", 32, 32, 16, 2, 0, 0, 0)
    rows = (b"\0" + np.tile(np.array([0, 5140, 65535], ">u2"), 32).tobytes()) * 32
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    assert open_picture(b"\x89PNG\r\n\x1a\n" + b"".join(parts)).getpixel((9, 9)) == (0, 20, 255)
    tags = [(256, 32), (257, 32), (258, 190), (259, 1), (262, 2), (273, 200), (277, 3), (278, 32), (279, 6144)]
    entries = b"".join(struct.pack("<HHII", tag, 3, 3 if tag == 258 else 1, value) for tag, value in tags)
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4)
    pixels = np.tile(np.array([0, 5140, 65535], "<u2"), 32 * 32).tobytes()
    tiff = head.ljust(190, b"\0") + struct.pack("<3H", 16, 16, 16).ljust(10, b"\0") + pixels
    assert open_picture(tiff).getpixel((9, 9)) == (0, 20, 255)


# Columns are red, green and blue in XYZ, adapted to D50 (Lindbloom).
SRGB = np.array([[0.43607, 0.38506, 0.14308], [0.22250, 0.71688, 0.06062], [0.01393, 0.09710, 0.71417]])
ADOBE = np.array([[0.60976, 0.20524, 0.14922], [0.31112, 0.62566, 0.06322], [0.01948, 0.06089, 0.74484]])
GAMMA = 563 / 256
COLOURS = np.array([[200, 100, 50], [90, 120, 180], [128, 128, 128], [230, 210, 190], [255, 255, 255], [0, 0, 0]])


def profile_of(space, tags, connection=b"XYZ ", kind=b"mntr"):
    """An ICC profile, version 2, with these tags."""
    d50 = struct.pack(">3i", 63190, 65536, 54061)
    place, table, body = 132 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        data = data.ljust(-len(data) // 4 * -4, b"\0")
        table += name + struct.pack(">II", place + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", place + len(body), b"", 0x02400000, kind, space, connection)
    head += struct.pack(">6H4s", 2024, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + d50
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def curve(gamma=GAMMA):
    return struct.pack(">4s4xIH", b"curv", 1, round(256 * gamma))


def adobe_rgb():
    columns = {
        name + b"XYZ": struct.pack(">4s4x3i", b"XYZ ", *np.rint(column * 65536).astype(int).tolist())
        for name, column in zip((b"r", b"g", b"b"), ADOBE.T, strict=True)
    }
    return profile_of(b"RGB ", {**columns, b"rTRC": curve(), b"gTRC": curve(), b"bTRC": curve()})


def encoded(linear):
    """Levels in sRGB of linear light."""
    linear = linear.clip(0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def from_adobe(levels):
    return encoded((levels / 255) ** GAMMA @ ADOBE.T @ np.linalg.inv(SRGB).T)


def colours_picture(repeat=32):
    return Image.fromarray(np.repeat(COLOURS[None], repeat, 0).astype(np.uint8)).resize((6 * 32, 32), 0)


def seen(data):
    return np.asarray(open_picture(data))[9, 9::32].astype(float)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_an_embedded_profile_gives_the_colours(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    plain = saved(colours_picture(), kind, **options)
    assert seen(plain).tolist() == COLOURS.tolist()
    data = saved(colours_picture(), kind, icc_profile=adobe_rgb(), **options)
    assert np.abs(from_adobe(COLOURS) - COLOURS).max() > 9
    assert np.abs(seen(data) - from_adobe(COLOURS)).max() <= 1


def test_a_profile_is_applied_once():
    opened = open_picture(saved(colours_picture(), "PNG", icc_profile=adobe_rgb()))
    assert not opened.info
    assert torch.equal(prepare(opened, 32, square=Square(0, 0, 32)), as_tensor(opened.crop((0, 0, 32, 32))))


def test_a_palette_has_a_profile_too():
    data = saved(colours_picture().quantize(8), "PNG", icc_profile=adobe_rgb())
    assert np.abs(seen(data) - from_adobe(COLOURS)).max() <= 1


def test_transparency_is_kept_beside_a_profile():
    picture = colours_picture()
    picture.putalpha(128)
    data = saved(picture, "PNG", icc_profile=adobe_rgb())
    expected = 255 + (from_adobe(COLOURS) - 255) * 128 / 255
    assert np.abs(seen(data) - expected).max() <= 1


@pytest.mark.parametrize("values", [np.uint8([0, 60, 128, 255]), np.uint16([0, 60, 128, 255]) * 257])
def test_grey_has_a_profile_of_its_own(values):
    grey = Image.fromarray(np.tile(np.repeat(values, 16), (32, 1)))
    data = saved(grey, "PNG", icc_profile=profile_of(b"GRAY", {b"kTRC": curve(1.0)}))
    levels = np.asarray(open_picture(data))[9, 9::16]
    expected = encoded(np.array([0, 60, 128, 255]) / 255)
    assert np.abs(levels - expected[:, None]).max() <= 1


def red_cyan():
    """A profile of four inks on white paper, the first of which prints red; black hides all."""
    inks = np.array([[1, 0, 0], [1, 0, 1], [1, 1, 0]])
    nodes = []
    for cyan, magenta, yellow, black in itertools.product((0, 1), repeat=4):
        light = (1 - black) * np.prod(np.where(np.array([[cyan], [magenta], [yellow]]), inks, 1), axis=0)
        x, y, z = SRGB @ light / [0.96422, 1, 0.82521]
        f = [c ** (1 / 3) if c > 0.008856 else 7.787 * c + 16 / 116 for c in (x, y, z)]
        lab = [(116 * f[1] - 16) * 2.55, 500 * (f[0] - f[1]) + 128, 200 * (f[1] - f[2]) + 128]
        nodes += [min(255, max(0, round(value))) for value in lab]
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table = struct.pack(">4s4x4B", b"mft1", 4, 3, 2, 0) + identity + bytes(range(256)) * 4
    return profile_of(b"CMYK", {b"A2B0": table + bytes(nodes) + bytes(range(256)) * 3}, b"Lab ", b"prtr")


def test_inks_are_those_of_the_profile():
    picture = Image.fromarray(np.full((32, 32, 4), [255, 0, 0, 0], np.uint8), "CMYK")
    plain, printed = (
        open_picture(saved(picture, "JPEG", quality=100, icc_profile=profile)).getpixel((9, 9))
        for profile in (None, red_cyan())
    )
    assert plain == pytest.approx((0, 255, 255), abs=2) and printed == pytest.approx((255, 0, 0), abs=8)


@pytest.mark.parametrize(("mode", "side"), [("RGB", 3000), ("L", 3000), ("CMYK", 2000)])
def test_a_profile_takes_less_than_a_second(mode, side):
    profile = {"RGB": adobe_rgb(), "L": profile_of(b"GRAY", {b"kTRC": curve(1.0)}), "CMYK": red_cyan()}[mode]
    picture = colours_picture().resize((3000, 3000)).convert(mode)
    spent = []
    for icc_profile in (None, profile):
        data = saved(picture, "JPEG", icc_profile=icc_profile)
        began = time.process_time()
        opened = open_picture(data)
        spent.append(time.process_time() - began)
    assert opened.size == (side, side) and spent[1] - spent[0] < 1


@pytest.mark.parametrize("profile", [b"", b"no profile", adobe_rgb()[:300], red_cyan(), adobe_rgb() + bytes(9 * 10**6)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_a_profile_that_cannot_be_used_is_ignored(kind, profile):
    plain = saved(colours_picture(), kind)
    assert np.array_equal(seen(saved(colours_picture(), kind, icc_profile=profile)), seen(plain))


def test_without_a_colour_management_profiles_are_ignored(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.ImageCms", None)
    monkeypatch.delattr(PIL, "ImageCms", raising=False)
    assert seen(saved(colours_picture(), "PNG", icc_profile=adobe_rgb())).tolist() == COLOURS.tolist()


def test_a_photo_lying_on_its_side_is_turned_upright(pixels):
    lying = Image.fromarray(np.rot90(pixels).copy())  # a quarter turn to the left
    lying.getexif()[0x0112] = 6  # orientation: turn a quarter to the right to see it upright
    assert torch.equal(prepare(lying, 40), centre(pixels))


def test_cmyk_is_read(pixels):
    assert prepare(Image.fromarray(pixels).convert("CMYK"), 40).shape == (3, 40, 40)


def test_values_are_those_of_an_8_bit_picture(faces):
    levels = 255 * load_faces([BUILTIN_FACES / "person_03" / "04.png"], 112)
    assert (levels - levels.round()).abs().max() < 1e-4


def test_what_is_not_a_picture_is_refused_in_a_sentence(tmp_path):
    file = tmp_path / "notes.png"
    file.write_text("not a picture")
    with pytest.raises(ValueError, match="not a picture that can be read") as refusal:
        open_picture(file)
    assert str(tmp_path) not in str(refusal.value)


def test_a_folder_without_faces_is_refused(tmp_path):
    with pytest.raises(ValueError, match="one folder of pictures per person"):
        list_people(tmp_path)


def found_at(x, y, side):
    return Detection((x, y, x + side, y + side), ((0.0, 0.0),) * 5, 1.0)


def test_the_plain_square_lies_above_the_detectors_box_and_within_the_picture():
    """The detector's box is 0.86 of the square, whose centre lies 0.07 squares above the box's."""
    picture = Image.new("RGB", (400, 300))
    square = plain(found_at(150, 100, 86), picture)
    assert (square.side, square.x) == (pytest.approx(100), pytest.approx(143))
    assert square.y + square.side / 2 == pytest.approx(143 - 7)
    beyond = ((-20, 100, (0, 86)), (380, 100, (300, 86)), (150, -20, (143, 0)), (150, 270, (143, 200)))
    for x, y, expected in beyond:
        moved = plain(found_at(x, y, 86), picture)
        assert (moved.x, moved.y) == pytest.approx(expected) and moved.side == pytest.approx(100)
    assert plain(found_at(0, 0, 390), picture).side == 300


def test_faces_are_scaled_as_pillow_scales_bicubically():
    random = np.random.default_rng(5).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    picture, square = Image.fromarray(random), Square(10.5, 3.25, 60.0)
    box = (10.5, 3.25, 70.5, 63.25)
    face = (255 * prepare(picture, 40, square=square)).round().byte().permute(1, 2, 0).numpy()
    assert np.array_equal(face, np.asarray(picture.resize((40, 40), Image.Resampling.BICUBIC, box)))
    assert not np.array_equal(face, np.asarray(picture.resize((40, 40), Image.Resampling.BILINEAR, box)))


@pytest.mark.parametrize(("size", "read"), [((16, 40), True), ((40, 16), True), ((15, 40), False), ((40, 15), False)])
def test_sixteen_pixels_are_enough_and_fifteen_are_not(size, read, tmp_path):
    Image.new("RGB", size, "grey").save(tmp_path / "small.png")
    if read:
        assert open_picture(tmp_path / "small.png").size == size
    else:
        with pytest.raises(Refused, match="at least 16 pixels"):
            open_picture(tmp_path / "small.png")
