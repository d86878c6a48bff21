"""A decoded picture as a person sees it: turned, in sRGB, on white, in 8 bits, of a bounded size."""

import contextlib
import io
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from .containers import TIFF, tags

MOST_PROFILE = 4 * 10**6  # bytes: those of printers have two million
ORIENTATION = ExifTags.Base.Orientation
XMP_ORIENTATION = re.compile(rb"tiff:Orientation(?:=\"|>)([1-8])")
TURNS = {  # that make a picture upright, by its orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
STRIP = 256  # rows that are scaled at once
LARGEST_PRINTED = 2000  # in inks with a profile, whose pixels take five times as long as others


def upright_rgb(picture: Image.Image, largest: int | None = None) -> Image.Image:
    """`picture` as a person sees it, in 8-bit RGB, nothing but its pixels.

    Turned as its notes say, first frame, in the colours of its profile, transparency laid on white, more bits scaled to
    8, and made smaller where a side has more than `largest` pixels.
    """
    picture.load()
    turn, profile = TURNS.get(_orientation(picture)), picture.info.get("icc_profile")
    if picture.mode.startswith("I") or picture.mode == "F":
        picture = _in_8_bits(picture, _white(picture))
    if largest and profile and picture.mode == "CMYK":
        largest = LARGEST_PRINTED
    if largest and max(picture.size) > largest:
        picture.thumbnail((largest, largest), Image.Resampling.BOX)
    if turn is not None:
        picture = picture.transpose(turn)
    picture = _on_white(picture, profile).convert("RGB")
    picture.info = {}  # or it would be turned once more
    return picture


def _orientation(picture: Image.Image) -> int:
    """How a decoded picture lies, 1 to 8 as in EXIF: by the first of its notes that can be read and says so, else 1."""
    if picture.format == "TIFF":  # Pillow turns these as it decodes them
        return 1
    for read in (
        lambda: _orientation_in(picture.info["exif"]),
        lambda: _orientation_in(bytes.fromhex("".join(picture.info["Raw profile type exif"].split("\n")[3:]))),
        lambda: int(XMP_ORIENTATION.findall(picture.info["xmp"])[0]),
        lambda: None if picture.format else picture.getexif()[ORIENTATION],  # noted in memory
    ):
        with contextlib.suppress(Exception):
            found = read()
            if found is not None and found in range(1, 9):
                return int(found)
    return 1


def _orientation_in(exif: bytes) -> int | None:
    """The orientation in EXIF data, where it can be read.

    Pillow's own reader gives up at the first broken tag, and copies whatever length a tag claims.
    """
    while exif.startswith(b"Exif\0\0"):
        exif = exif[6:]
    if not exif.startswith(TIFF):
        return None
    return next((value for _, *tag, value in tags(exif) if tag in ([ORIENTATION, 3, 1], [ORIENTATION, 4, 1])), None)


def _on_white(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """`picture` in sRGB, with what is transparent laid on white."""
    if not picture.has_transparency_data:
        return _in_srgb(picture, profile)
    alpha = picture.convert("RGBA").getchannel("A")
    picture = _in_srgb(picture.convert("L" if picture.mode == "LA" else "RGB"), profile).convert("RGB")
    picture.putalpha(alpha)
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """`picture` with its colours, which are those of the ICC `profile`, in sRGB; as it is where that cannot be used."""
    if not profile:
        return picture
    picture = picture if picture.mode in ("L", "CMYK") else picture.convert("RGB")
    with contextlib.suppress(Exception):  # a broken profile, one of other colours, or Pillow without LittleCMS
        if len(profile) <= MOST_PROFILE:
            from PIL import ImageCms

            srgb = ImageCms.createProfile("sRGB")
            turned = ImageCms.profileToProfile(picture, io.BytesIO(profile), srgb, outputMode="RGB")
            return turned or picture
    return picture


def _white(picture: Image.Image) -> int:
    """The value of white in a picture of mode I, I;16 or F.

    Whole numbers have the scale of their kind of file, however dark the picture is: TIFF says how many bits they have,
    and all else, a picture in memory too, is taken to have 16. Of numbers with a fraction nobody says the scale: it
    goes to 1, to 255 or to 65535, whichever is the first that holds them all.
    """
    if picture.mode == "F":
        most = max(np.max(values, initial=0, where=np.isfinite(values)) for _, values in _strips(picture))
        return next((white for white in (1, 255) if most <= white), 65535)
    if picture.format != "TIFF":
        return 65535
    tags_of: Any = picture
    (bits,), (kind,) = tags_of.tag_v2.get(258, (16,))[:1], tags_of.tag_v2.get(339, (1,))[:1]
    return int(2 ** (bits - (kind == 2)) - 1)


def _strips(picture: Image.Image) -> Iterator[tuple[tuple[int, int, int, int], np.ndarray]]:
    """Boxes that make up `picture`, and the values in each: whole ones would take a gigabyte."""
    for top in range(0, picture.height, STRIP):
        box = (0, top, picture.width, min(top + STRIP, picture.height))
        yield box, np.asarray(picture.crop(box))


def _in_8_bits(picture: Image.Image, white: int) -> Image.Image:
    """A picture of mode I, I;16 or F in 8 bits of grey, where `white` is 255; what is no number is black."""
    grey = Image.new("L", picture.size)
    for box, values in _strips(picture):
        if white == 2**32 - 1:
            values = values.view(np.uint32)  # which Pillow takes for signed ones
        levels = np.nan_to_num(values.astype(np.float64) * (255 / white), posinf=255, neginf=0)
        grey.paste(Image.fromarray(np.rint(levels).clip(0, 255).astype(np.uint8)), box)
    return grey
