"""Any picture people bring: read as they expect, or refused in a sentence; the face in it found."""

import io
import os
import shutil
import struct
import subprocess
import sys
import time
import zlib

import httpx
import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from fgsm.faces.dataset import gather
from fgsm.faces.detect import Detection, detect
from fgsm.faces.framing import ALIGNED, PLAIN, Square, about_frame, centre_square, frame, square_of
from fgsm.faces.picture import open_picture
from fgsm.faces.prepare import as_tensor, prepare
from fgsm.page.uploads import Upload
from fgsm.places import BUILTIN_FACES, PROJECT
from fgsm.texts import TEXTS, Refused, say

from .conftest import STAGE_DONE, open_page
from .driving import call, choose_model, stage
from .hostile import (
    BROKEN_EXIF,
    FACE,
    FILES,
    PROFILE_TEXT,
    UPRIGHT_AFTER_A_QUARTER,
    avif_of,
    chunk,
    exif_of,
    large,
    png_with,
    raw_profile,
    saved,
    xmp_chunk,
)

NAMES = [name for name, _, _ in FILES]
REFUSED = [entry for entry in FILES if entry[2]]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("brought")
    for name, make, _ in FILES:
        (folder / name).write_bytes(make())
    return folder


def beginning(key):
    """How the sentence starts, before its first place."""
    return TEXTS["en"][key].split("{")[0]


@pytest.mark.parametrize(("name", "refusal"), [(name, refusal) for name, _, refusal in FILES])
def test_each_is_read_or_refused_in_a_sentence(files, name, refusal):
    if refusal is None:
        picture = open_picture(files / name)
        assert picture.mode == "RGB" and prepare(picture, 112).shape == (3, 112, 112)
    else:
        with pytest.raises(Refused) as refused:
            open_picture(files / name)
        assert refused.value.key == refusal


@pytest.mark.parametrize(("name", "refusal"), [(name, refusal) for name, _, refusal in FILES])
def test_the_command_line_does_the_same(files, name, refusal, command_line):
    code, output, error = command_line("attack", files / name)
    if refusal is None:
        assert code == 0 and "attacked on person" in output
    else:
        assert code == 2 and beginning(refusal) in error and len(error.splitlines()) == 1


@pytest.mark.parametrize(("name", "refusal"), [(name, refusal) for name, _, refusal in FILES])
def test_the_api_does_the_same(files, url, name, refusal):
    with open(files / name, "rb") as file:
        sent = httpx.post(f"{url}/gradio_api/upload", files={"files": file}, timeout=60)
    if sent.status_code != 200:
        assert refusal == "refused.bytes" and sent.status_code == 413
        return
    uploaded = {"path": sent.json()[0], "meta": {"_type": "gradio.FileData"}}
    answer = call(url, "attack", uploaded, "resnet18", 0.03)
    assert (beginning(refusal) if refusal else "verdict") in answer
    assert str(files) not in answer and "Traceback" not in answer


def test_the_page_says_why_or_shows_the_face(files, browser, url):
    one_of_each = {refusal: name for name, _, refusal in REFUSED}
    del one_of_each["refused.bytes"]  # the browser does not send it at all
    with open_page(browser, url) as page:
        page.get_by_role("tab", name="Your photograph").click()
        for refusal, name in one_of_each.items():
            page.locator("#photo input[type=file]").set_input_files(files / name)
            page.get_by_text(beginning(refusal)).last.wait_for(timeout=10_000)
            assert page.locator("#viewer .stage").get_attribute("data-prediction")
            page.locator("#photo").get_by_label("Remove Image").click()
            page.locator("#photo input[type=file]").wait_for(state="attached")


DROP = """(photo, [name, type, bytes]) => {
  const dropped = new DataTransfer();
  dropped.items.add(new File([Uint8Array.from(bytes)], name, { type }));
  const zone = photo.querySelector('input[type=file]').parentElement;
  zone.dispatchEvent(new DragEvent('drop', { dataTransfer: dropped, bubbles: true, cancelable: true }));
}"""


@pytest.mark.parametrize("way", ["chosen", "dropped"])
def test_what_a_browser_takes_for_no_picture_is_looked_into(page, way):
    def bring(name, kind, data):
        if way == "chosen":
            file = {"name": name, "mimeType": kind, "buffer": data}
            page.locator("#photo input[type=file]").set_input_files(file)
        else:
            page.locator("#photo").evaluate(DROP, [name, kind, list(data)])

    page.get_by_role("tab", name="Your photograph").click()
    page.locator("#photo input[type=file]").wait_for(state="attached")
    page.wait_for_function("document.querySelector('#camera [data-text]')?.textContent")  # its script listens
    bring("shopping.heic", "application/octet-stream", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    page.get_by_text(beginning("refused.heic")).last.wait_for(timeout=10_000)
    bring("letter", "application/pdf", b"%PDF-1.4 a letter")
    page.get_by_text(beginning("refused.unreadable")).last.wait_for(timeout=10_000)
    bring("face-without-ending", "", (BUILTIN_FACES / "person_05" / "07.png").read_bytes())
    page.locator("#crop img").wait_for(timeout=10_000)
    page.wait_for_function("document.querySelector('#viewer [data-show=clean]').textContent.startsWith('person 05')")


@pytest.mark.parametrize("name", ["turned.jpg", "scan_cmyk.jpg", "sixteen_bits.png", "transparent.png", "moving.gif"])
def test_odd_pictures_look_as_a_person_sees_them(files, name):
    seen = np.asarray(open_picture(files / name), dtype=float)
    assert seen.shape == np.asarray(FACE).shape
    assert np.abs(seen - np.asarray(FACE, dtype=float)).mean() < (20 if name == "moving.gif" else 3)  # of few colours
    if name == "transparent.png":
        assert seen[0, 0].tolist() == [255, 255, 255]


def test_a_device_is_no_folder():
    with pytest.raises(Refused, match="not a picture that can be read"):
        open_picture(os.devnull)


def test_a_bomb_takes_no_memory(files):
    script = (
        "import resource, sys; from fgsm.faces.picture import open_picture\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for name in sys.argv[1:]:\n"
        "    try: open_picture(name)\n"
        "    except ValueError: pass\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
    )
    bombs = [str(files / name) for name in ("bomb.png", "12000x12000.png", "12000x12000.jpg", "heavy.png")]
    result = subprocess.run([sys.executable, "-c", script, *bombs], cwd=PROJECT, capture_output=True, text=True)
    assert int(result.stdout) < 200, result.stderr


SOUND_EXIF = exif_of(UPRIGHT_AFTER_A_QUARTER)
LARGE_TEXT = large(b"iTXt", b"Comment\0\1\0\0\0")
PNGS_ASIDE = {  # name of what lies beside the pixels: chunks before and behind them
    "large_iTXt": (LARGE_TEXT, b""),
    "large_XMP": (large(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0"), b""),
    "large_zTXt_behind": (b"", large(b"zTXt", b"Comment\0\0")),
    "large_iCCP": (large(b"iCCP", b"profile\0\0"), b""),
    "raw_text": (chunk(b"tEXt", b"Comment\0" + bytes(100_000)), chunk(b"iTXt", b"Comment\0\0\0\0\0" + bytes(10**6))),
    "much_text": (chunk(b"tEXt", b"Comment\0" + b"x" * 10**6) * 39, b""),
    "odd_compression": (chunk(b"zTXt", b"Comment\0\7x") + chunk(b"iCCP", b"profile\0\7x"), b""),
    "no_text_at_all": (chunk(b"tEXt", b"") + chunk(b"zTXt", b"") + chunk(b"iTXt", b"") + chunk(b"iCCP", b""), b""),
    "text_named_like_a_setting": (
        b"".join(
            chunk(b"tEXt", key + b"\0x") for key in (b"interlace", b"transparency", b"icc_profile", b"exif", b"bbox")
        ),
        b"",
    ),
    "too_short": (b"".join(chunk(kind, b"x") for kind in (b"pHYs", b"gAMA", b"cHRM", b"tRNS", b"acTL", b"fcTL")), b""),
    "profile_text": (chunk(b"zTXt", PROFILE_TEXT + zlib.compress(b"\nexif\n 9\nno hex")), b""),
    "past_the_end": (b"", chunk(b"tEXt", b"Comment\0x").replace(b"\0\0\0\t", b"\x7f\xff\xff\xff", 1)),
    **{f"exif_{name}": (chunk(b"eXIf", exif), b"") for name, exif in BROKEN_EXIF.items()},
    **{f"exif_{name}_behind": (b"", chunk(b"eXIf", exif)) for name, exif in BROKEN_EXIF.items()},
    **{
        f"checksum_of_{kind.decode()}{' behind' * behind}": (b"", wrong) if behind else (wrong, b"")
        for kind in (b"tEXt", b"eXIf", b"pHYs", b"gAMA", b"iCCP", b"tRNS", b"vpAg")
        for wrong in [chunk(kind, b"Comment\0\0x", wrong=1)]
        for behind in (False, True)
    },
}


@pytest.mark.parametrize("name", PNGS_ASIDE)
def test_what_lies_beside_the_pixels_of_a_png_spoils_none(name):
    before, behind = PNGS_ASIDE[name]
    began = time.process_time()
    assert open_picture(png_with(before, behind=behind)).tobytes() == FACE.tobytes()
    turned = png_with(before, chunk(b"eXIf", SOUND_EXIF), behind=behind)
    if "exif" not in name:
        assert open_picture(turned).tobytes() == FACE.rotate(270, expand=True).tobytes()
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "notes",
    [
        chunk(b"eXIf", SOUND_EXIF),
        chunk(b"eXIf", b"Exif\0\0" + SOUND_EXIF),
        chunk(b"eXIf", b"II*\0", wrong=1) + chunk(b"eXIf", SOUND_EXIF),
        chunk(b"eXIf", exif_of((0x010E, 2, 2**31, 8), UPRIGHT_AFTER_A_QUARTER)),
        chunk(b"eXIf", SOUND_EXIF[:-4] + b"\x08\0\0\0"),
        chunk(b"eXIf", b"II*\0") + xmp_chunk(),
        raw_profile(SOUND_EXIF),
        xmp_chunk(),
        xmp_chunk(packed=True),
        LARGE_TEXT + xmp_chunk(),
    ],
)
def test_a_png_is_upright_by_any_of_its_notes(notes):
    expected = FACE.rotate(270, expand=True).tobytes()
    assert open_picture(png_with(notes)).tobytes() == expected
    assert open_picture(png_with(behind=notes)).tobytes() == expected


def test_a_png_of_nothing_but_pixels_is_read_as_it_came(monkeypatch):
    given = []
    opens = Image.open
    monkeypatch.setattr(Image, "open", lambda file, **options: given.append(file.getvalue()) or opens(file, **options))
    data = saved(FACE, "PNG")
    open_picture(data)
    assert given[0] is data


def test_millions_of_chunks_take_no_time():
    began = time.process_time()
    with pytest.raises(Refused):
        open_picture(png_with(chunk(b"tEXt", b"") * 3 * 10**6))
    assert time.process_time() - began < 2


@pytest.mark.parametrize("name", BROKEN_EXIF)
@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF"])
def test_broken_exif_spoils_no_picture(kind, name):
    data = saved(FACE, kind, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + bytes(200))
    filler = b"II*\0\x08\0\0\0\0\0\0\0\0\0" + bytes(200)
    assert filler in data
    broken = data.replace(filler, BROKEN_EXIF[name].ljust(len(filler), b"\0"))
    assert open_picture(broken).tobytes() == open_picture(saved(FACE, kind)).tobytes()


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_kind_is_turned_once(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(FACE, kind, exif=exif, quality=95)
    turned = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    assert open_picture(data).tobytes() == turned.tobytes()


def test_exif_that_is_broken_behind_its_orientation_still_turns():
    far = (0x9003, 2, 2**31, 2**31 - 1)
    for first in ([UPRIGHT_AFTER_A_QUARTER, far], [far, UPRIGHT_AFTER_A_QUARTER]):
        data = saved(FACE, "JPEG", exif=b"Exif\0\0" + exif_of(*first), quality=95)
        assert open_picture(data).size == FACE.size[::-1]


def tiff_with(tag, kind, count, value):
    """A TIFF with one more entry, in the place of its least needed one."""
    data = bytearray(saved(FACE.resize((300, 300)), "TIFF", software="x" * 9))
    at = data.index(struct.pack("<HH", 305, 2))
    data[at : at + 12] = struct.pack("<HHII", tag, kind, count, value)
    return bytes(data)


@pytest.mark.parametrize(
    "entry",
    [
        (700, 2, 4, 0x41414141),
        (700, 3, 2, 7),
        (34665, 4, 1, 8),
        (34665, 4, 1, 2),
        (34665, 2, 4, 0x41414141),
        (34853, 4, 1, 2**31),
        (40965, 12, 1, 8),
        (305, 2, 2**31, 8),
        (305, 2, 9, 2**31),
        (34675, 3, 1, 7),
    ],
)
def test_odd_notes_spoil_no_tiff(entry):
    assert open_picture(tiff_with(*entry)).tobytes() == FACE.resize((300, 300)).tobytes()


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_a_tiff_is_read_past_a_tag_that_is_lost(compression):
    data = bytearray(saved(FACE, "TIFF", description="x" * 99, compression=compression))
    at = data.index(struct.pack("<HHI", 270, 2, 100))
    data[at + 8 : at + 12] = b"\xff\xff\xff\x7f"
    assert open_picture(bytes(data)).tobytes() == FACE.tobytes()


def test_a_phone_s_two_pictures_in_one_file_are_no_way_around_the_limits():
    phone = saved(FACE, "MPO", save_all=True, append_images=[FACE], quality=95)
    assert open_picture(phone).tobytes() == open_picture(saved(FACE, "JPEG", quality=95)).tobytes()
    large = saved(Image.new("L", (2000, 2000)), "MPO", save_all=True, append_images=[FACE], progressive=True)
    with pytest.raises(Refused):
        end = large.index(b"\xff\xd8\xff", 100) - 2  # of the first picture, before the second
        layer = large[large.rindex(b"\xff\xda", 0, end) : end]
        open_picture(large[:end] + layer * 400 + large[end:])


@pytest.mark.parametrize(
    ("brands", "readable"),
    [
        ((b"avif", b"avif", b"mif1"), True),
        ((b"mif1", b"avif", b"miaf"), True),
        ((b"mif1", b"miaf", b"avif"), True),
        ((b"msf1", b"avis", b"avif"), True),
        ((b"mif1", b"heic", b"miaf"), False),
        ((b"heic", b"mif1"), False),
        ((b"mif1",), False),
    ],
)
def test_the_brands_of_a_file_tell_avif_from_heic(brands, readable):
    data = avif_of(*brands)
    assert (Upload("picture", "address", data).kind == "image/avif") == readable
    assert (Upload("picture", "address", bytearray(data)).kind == "image/avif") == readable
    if readable:
        assert open_picture(data).size == FACE.size
    else:
        with pytest.raises(Refused) as refused:
            open_picture(data)
        assert refused.value.key == "refused.heic"


@pytest.mark.parametrize("framing", [PLAIN, ALIGNED])
@pytest.mark.parametrize("size", [112, 224])
def test_a_picture_of_the_input_size_is_taken_as_it_is_framed(size, framing):
    """An adversarial face, saved and opened again, is scored as it was."""
    large = pasted([("person_05/06.png", 2, 0, 0)], (448, 448))
    picture = large.resize((size, size)) if size == 112 else large.crop((0, 0, 224, 224))
    faces = [Detection((20, 20, 60, 60), ((32, 32), (48, 32), (40, 42), (34, 50), (46, 50)), 1.0)]
    assert detect(picture)
    assert torch.equal(prepare(picture, size, framing), as_tensor(picture))
    assert frame(picture, faces, size, framing) == Square(0, 0, size)
    assert about_frame(picture, faces, size, framing) == say("framing.portrait")
    larger = picture.resize((300, 300))
    assert frame(larger, faces, size, framing) == square_of(faces[0], larger, framing)
    assert about_frame(larger, faces, size, framing) == say("framing.one")


def test_what_lies_behind_a_photograph_is_no_part_of_it():
    """As phones put a film behind one; in it, two bytes may look like another layer of pixels."""
    photograph = saved(Image.new("RGB", (4000, 3000), "grey"), "JPEG", progressive=True)
    behind = photograph + b"film" + b"\xff\xda\x00\x08" * 10_000
    assert np.array_equal(open_picture(behind), open_picture(photograph))


def test_a_photograph_whose_comment_speaks_of_drawings_is_one():
    assert open_picture(saved(FACE, "JPEG", comment=b"made from <svg>")).mode == "RGB"


def test_a_data_set_is_gathered_past_all_of_these(files, tmp_path):
    person = tmp_path / "person_01"
    shutil.copytree(files, person)
    for number, (name, (before, behind)) in enumerate(PNGS_ASIDE.items()):
        picture = Image.new("RGB", (64, 64), (number, 9, 9))
        (person / f"{name}.png").write_bytes(png_with(before, behind=behind, picture=picture))
    brought = {path.name for path in person.iterdir()}
    found = gather(tmp_path, 64)
    read = {path.name for path in found.people["person 01"]}
    told = {sentence.split(": ")[0].removeprefix("person_01/") for sentence in found.left_out}
    assert read | told == brought and not read & told
    assert {f"{name}.png" for name in PNGS_ASIDE} <= read
    assert all(sentence.endswith(".") and len(sentence.splitlines()) == 1 for sentence in found.left_out)


def pasted(photographs, size=(900, 700)):
    """Built-in photographs in a picture of many greys: (file, factor, x, y) each."""
    picture = Image.radial_gradient("L").resize(size).convert("RGB")
    for name, factor, x, y in photographs:
        face = Image.open(BUILTIN_FACES / name).convert("RGB")
        picture.paste(face.resize((92 * factor, 112 * factor), Image.Resampling.BICUBIC), (x, y))
    return picture


def assert_frames(square, factor, x, y):
    side = 92 * factor
    assert square.side == pytest.approx(side, rel=0.25)
    assert square.x + square.side / 2 == pytest.approx(x + side / 2, abs=0.2 * side)
    assert square.y + square.side / 2 == pytest.approx(y + 56 * factor, abs=0.2 * side)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (700, 0), (40, 470), (715, 475), (350, 200)])
def test_a_face_is_found_wherever_it_is(x, y):
    picture = pasted([("person_05/06.png", 2, x, y)])
    assert_frames(frame(picture, detect(picture), 112), 2, x, y)


def test_the_largest_of_several_faces_is_framed():
    picture = pasted(
        [("person_05/06.png", 2, 20, 20), ("person_12/06.png", 4, 450, 150), ("person_20/06.png", 1, 300, 20)]
    )
    faces = detect(picture)
    assert len(faces) == 3
    assert_frames(frame(picture, faces, 112), 4, 450, 150)


def test_a_face_in_a_turned_photograph_is_found(tmp_path):
    picture = pasted([("person_05/06.png", 3, 500, 100)])
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "phone.jpg").write_bytes(saved(picture.rotate(90, expand=True), "JPEG", exif=exif, quality=95))
    upright = open_picture(tmp_path / "phone.jpg")
    assert_frames(frame(upright, detect(upright), 112), 3, 500, 100)


def test_where_nobody_is_the_centre_is_used():
    picture = Image.radial_gradient("L").resize((400, 300)).convert("RGB")
    assert detect(picture) == []
    assert frame(picture, [], 112) == centre_square(picture) == Square(50, 0, 300)


def test_the_face_on_every_built_in_photograph_is_found_and_its_plain_square_stays_as_it_is():
    photographs = sorted(BUILTIN_FACES.glob("*/*.png"))
    assert len(photographs) == 400
    for photograph in photographs:
        picture = Image.open(photograph).convert("RGB")
        faces = detect(picture)
        assert len(faces) == 1
        assert frame(picture, faces, 112) == centre_square(picture)
    for photograph in photographs[::40]:
        larger = Image.open(photograph).convert("RGB").resize((368, 448), Image.Resampling.BICUBIC)
        assert frame(larger, detect(larger), 112) == centre_square(larger)


@pytest.mark.parametrize("model", ["resnet18", "dlib"])
def test_a_visitor_chooses_another_face_and_moves_the_square(browser, url, tmp_path, model):
    pasted([("person_12/06.png", 4, 450, 150), ("person_05/06.png", 2, 40, 40)]).save(tmp_path / "two.png")
    with open_page(browser, f"{url}?model={model}&epsilon=0") as page:
        page.wait_for_selector(STAGE_DONE)
        page.get_by_role("tab", name="Your photograph").click()
        page.locator("#photo input[type=file]").set_input_files(tmp_path / "two.png")
        page.get_by_text("2 faces were found").wait_for(timeout=15_000)
        clean = page.locator("#viewer [data-show=clean]")
        clean.filter(has_text="person 12").wait_for(timeout=15_000)
        assert middle_of_square(page) == pytest.approx((450 + 2 * 92, 150 + 2 * 112), abs=90)
        page.get_by_role("button", name="Face 2").click()
        clean.filter(has_text="person 05").wait_for(timeout=15_000)
        assert middle_of_square(page) == pytest.approx((40 + 92, 40 + 112), abs=45)
        page.locator("#crop .square").focus()
        before = stage(page, "ready")
        page.keyboard.press("ArrowRight")
        page.wait_for_selector(f'#viewer .stage:not([data-ready="{before}"])', timeout=15_000)


def test_a_picture_is_framed_anew_for_who_frames_otherwise_unless_a_square_is_drawn(browser, url, tmp_path):
    pasted([("person_12/06.png", 4, 450, 150)]).rotate(12).save(tmp_path / "turned.png")
    turn = "document.querySelector('#crop .square').style.transform"
    with open_page(browser, f"{url}?model=resnet18&epsilon=0") as page:
        page.wait_for_selector(STAGE_DONE)
        page.get_by_role("tab", name="Your photograph").click()
        page.locator("#photo input[type=file]").set_input_files(tmp_path / "turned.png")
        page.wait_for_function(f"{turn} === 'rotate(0deg)'")
        choose_model(page, "dlib")
        page.wait_for_function(f"!['', 'rotate(0deg)'].includes({turn})")
        clean = page.locator("#viewer [data-show=clean]")
        clean.filter(has_text="person 12, distance").wait_for(timeout=15_000)
        before = stage(page, "ready")
        page.locator("#crop .square").press("ArrowRight")
        page.wait_for_selector(f'{STAGE_DONE}:not([data-ready="{before}"])', timeout=60_000)
        drawn = page.evaluate(turn)
        choose_model(page, "resnet18")
        assert page.evaluate(turn) == drawn


def middle_of_square(page):
    """The middle of the square in the pixels of a picture that is 900 wide."""
    (x, y), picture = middle(page.locator("#crop .square")), page.locator("#crop .picture").bounding_box()
    return 900 * (x - picture["x"]) / picture["width"], 900 * (y - picture["y"]) / picture["width"]


def middle(node):
    box = node.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_square_is_turned_and_its_handles_stay_within_reach(page, tmp_path):
    pasted([("person_12/06.png", 4, 450, 150)]).save(tmp_path / "one.png")
    page.get_by_role("tab", name="Your photograph").click()
    page.locator("#photo input[type=file]").set_input_files(tmp_path / "one.png")
    page.locator("#viewer [data-show=clean]").filter(has_text="person 12").wait_for(timeout=15_000)  # nothing shifts
    square, knob, corner, mat = (page.locator(f"#crop .{name}") for name in ("square", "knob", "corner", "mat"))

    def told(act):
        """What the server hears when the square rests."""
        with page.expect_request(lambda request: '"turn"' in (request.post_data or "")) as sent:
            act()
        return sent.value.post_data_json["event_data"]

    def drag(node, right, down):
        x, y = middle(node)
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + right, y + down)
        page.mouse.up()

    (x, y), (_, top) = middle(square), middle(knob)
    first = told(lambda: drag(knob, y - top, y - top))
    assert first["turn"] == pytest.approx(90, abs=1)
    assert middle(knob) == pytest.approx((x + y - top, y), abs=2)
    second = told(lambda: square.press("["))
    assert second == {**first, "turn": pytest.approx(first["turn"] - 2)}
    third = told(lambda: drag(square, 2000, -2000))
    assert third["x"] + third["side"] / 2 == pytest.approx(900) and third["y"] + third["side"] / 2 == pytest.approx(0)
    edges = mat.bounding_box()
    for handle in (knob, corner):
        x, y = middle(handle)
        assert edges["x"] < x < edges["x"] + edges["width"] and edges["y"] < y < edges["y"] + edges["height"]
        handle.hover()  # nothing lies over it
