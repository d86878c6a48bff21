import hashlib

import numpy as np
import pytest
import torch
from PIL import Image

from fgsm.dataset import BUILTIN_FACES, list_people, split
from fgsm.faces import load_faces, prepare
from fgsm.pictures import open_picture
from fgsm.recognizer import available_recognizers


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
    for config in available_recognizers().values():
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
