"""Reading any picture safely: what would cost much time or memory is refused before any of it is spent."""

import contextlib
import io
import re
import warnings
from pathlib import Path

from PIL import ExifTags, Image

from ..texts import Refused
from .containers import PNG, TIFF, check_kind, is_avif, png_without_notes, scans_of, tiff_without_lost_tags
from .upright import upright_rgb

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF", "TIFF", "BMP", "PPM", "JPEG2000")  # others are rare, and run more code
MOST_BYTES = 40 * 10**6
SLOW_PIXELS = 4 * 10**6  # of a kind that takes a second for a million
MOST_SCANNED = 10**9  # pixels in all layers
MOST_PIXELS = 64 * 10**6
LARGEST = 3000  # pixels: more of a picture's width or height is not kept
SMALLEST = 16  # pixels: below, nobody sees a face


def without_warnings() -> None:
    """Have Pillow print no warnings in this program: of notes in a picture that nobody needs, of many pixels."""
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # MOST_PIXELS is stricter
    warnings.filterwarnings("ignore", module=r"PIL\.")


def open_picture(source: Path | str | bytes) -> Image.Image:
    """The picture in the file `source`, or in these bytes of one, upright and in RGB, at most LARGEST pixels a side.

    Raises Refused for what is no picture, is damaged, or would need much time or memory, before any of it is spent.
    """
    data = source if isinstance(source, bytes) else _bytes_of(Path(source))
    _check_size(len(data))
    check_kind(data)
    if data.startswith(PNG):
        data = png_without_notes(data)
    if data[:4] in TIFF:
        data = tiff_without_lost_tags(data)
    try:
        picture = _opened(data)
        declared = picture.size
        picture.draft(None, (LARGEST, LARGEST))  # a JPEG can be decoded at a half, a quarter or an eighth
    except Image.DecompressionBombError:
        raise Refused("refused.pixels", most=MOST_PIXELS // 10**6) from None
    except MemoryError:
        raise Refused("refused.costly") from None
    except Exception:  # the decoders raise many kinds
        raise Refused("refused.unreadable") from None
    most = SLOW_PIXELS if picture.format == "JPEG2000" else MOST_PIXELS
    if picture.width * picture.height > most:
        raise Refused("refused.pixels", most=most // 10**6)
    if picture.format in ("JPEG", "MPO") and scans_of(data) * declared[0] * declared[1] > MOST_SCANNED:
        raise Refused("refused.costly")
    if min(declared) < SMALLEST:
        raise Refused("refused.tiny", smallest=SMALLEST)
    try:
        return upright_rgb(picture, LARGEST)
    except MemoryError:
        raise Refused("refused.costly") from None
    except Exception:
        raise Refused("refused.damaged") from None


def can_be_opened(path: Path) -> bool:
    """Whether `open_picture` makes a picture of the file `path`."""
    try:
        open_picture(path)
    except Refused:
        return False
    return True


def _bytes_of(path: Path) -> bytes:
    if not path.exists():
        raise Refused("refused.missing_file", file=path)
    if path.is_dir():
        raise Refused("refused.folder", file=path)
    if not path.is_file():  # a pipe or a device, which would be waited for
        raise Refused("refused.unreadable")
    _check_size(path.stat().st_size)
    try:
        return path.read_bytes()
    except OSError:
        raise Refused("refused.unreadable") from None


def _check_size(size: int) -> None:
    if size == 0:
        raise Refused("refused.empty")
    if size > MOST_BYTES:
        raise Refused("refused.bytes", most=MOST_BYTES // 10**6)


def _opened(data: bytes) -> Image.Image:
    """The picture in `data`, not yet decoded. Raises what the decoders raise."""
    Image.init()
    formats = [name for name in FORMATS if name in Image.OPEN]
    try:
        picture = Image.open(io.BytesIO(data), formats=formats)
    except Exception:
        if not is_avif(data):
            raise
        # The decoder stumbles over broken EXIF, which says nothing of an AVIF's pixels: it has boxes for how it lies.
        picture = Image.open(
            io.BytesIO(re.sub(rb"(infe\x02.{7})Exif", rb"\1none", data, flags=re.DOTALL)), formats=formats
        )
    if picture.format == "TIFF":
        # Pillow reads these once more after the pixels, to turn a TIFF, and would stumble over broken ones.
        with contextlib.suppress(Exception):
            exif = picture.getexif()
            for directory in ExifTags.IFD:
                exif.pop(directory, None)
    return picture
