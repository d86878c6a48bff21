"""Reading any picture safely.

Run as a program, it reads pictures from its input, each in little time and memory, and writes what `decoder.py` reads.
"""

import contextlib
import io
import json
import math
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from .texts import Refused

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF", "TIFF", "BMP", "PPM", "JPEG2000")  # others are rare, and run more code
AVIF_BRANDS = {b"avif", b"avis"}
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}  # the last two, of AVIF as well
MOST_BYTES = 40 * 10**6
HEAD = 1024  # bytes at the beginning of a file, which tell its kind
SLOW_PIXELS = 4 * 10**6  # of a kind that takes a second for a million
NEXT_SCAN = b"\xff\xda"  # in a progressive JPEG, another layer of all pixels
MOST_SCANNED = 10**9  # pixels in all layers
RUN_LENGTHS = (b"\x01\0\0\0", b"\x02\0\0\0")  # compressed BMP
MOST_PIXELS = 64 * 10**6
MOST_SECONDS = 4  # of a core, for a stranger's picture
MOST_MEMORY = 3 * 2**29  # bytes of address space, the program's own included
LARGEST = 3000  # pixels: more of a picture's width or height is not kept
SMALLEST = 16  # pixels: below, nobody sees a face

Image.init()
warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # MOST_PIXELS is stricter


def open_picture(source: Path | str | bytes) -> Image.Image:
    """The picture in the file `source`, or in these bytes of one, upright and in RGB, at most LARGEST pixels a side.

    Raises Refused for what is no picture, is damaged, or would need much time or memory, before any of it is spent.
    """
    data = source if isinstance(source, bytes) else _bytes_of(Path(source))
    _check_size(len(data))
    _check_kind(data)
    try:
        picture = Image.open(io.BytesIO(data), formats=[name for name in FORMATS if name in Image.OPEN])
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
    if picture.format == "JPEG" and data.count(NEXT_SCAN) * declared[0] * declared[1] > MOST_SCANNED:
        raise Refused("refused.damaged")
    if min(declared) < SMALLEST:
        raise Refused("refused.tiny", smallest=SMALLEST)
    try:
        if max(picture.size) > LARGEST:
            picture.thumbnail((LARGEST, LARGEST), Image.Resampling.BOX)
        return upright_rgb(picture)
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
    if not path.is_file():
        raise Refused("refused.folder", file=path)
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


def _check_kind(data: bytes) -> None:
    """Raise Refused for kinds of file that cannot be read here, or that keep a slow decoder busy for a minute."""
    if brands(data) & HEIC_BRANDS and not is_avif(data):
        raise Refused("refused.heic")
    if b"<svg" in data[:HEAD]:
        raise Refused("refused.svg")
    if data[:2] in (b"P1", b"P2", b"P3") or (data[:2] == b"BM" and data[30:34] in RUN_LENGTHS):
        raise Refused("refused.unreadable")


def is_avif(data: bytes | bytearray) -> bool:
    """Whether the file that begins with `data` says that it holds an AVIF picture, first or among others."""
    return bool(brands(data) & AVIF_BRANDS)


def brands(data: bytes | bytearray) -> set[bytes]:
    """The kinds of picture, such as heic, that a file of Apple's or AVIF's container says it holds; else none."""
    head = bytes(data[:HEAD])
    if head[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[at : at + 4] for at in (8, *range(16, end, 4))}


def upright_rgb(picture: Image.Image) -> Image.Image:
    """`picture` as a person sees it, in 8-bit RGB.

    Turned as its EXIF orientation says, first frame, transparency laid on white, 16 bits scaled to 8.
    """
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I") or picture.mode == "F":
        return _scaled_to_8_bits(picture).convert("RGB")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB")


def _scaled_to_8_bits(picture: Image.Image) -> Image.Image:
    values = np.asarray(picture, dtype=np.float64)
    # Modes I and F do not say their scale: only what exceeds 255 can be on that of 16 bits.
    sixteen = picture.mode.startswith("I;16") or values.max(initial=0) > 255
    scale = 255 / 65535 if sixteen else 1.0
    return Image.fromarray(np.rint(values * scale).clip(0, 255).astype(np.uint8))


def main() -> None:
    """Read pictures, each after eight bytes with its length, until there are no more.

    To each, write a line of JSON: its size, with its RGB bytes behind that line, or why it was refused. A picture that
    takes too much ends the program.
    """
    _limit("RLIMIT_AS", MOST_MEMORY)
    _limit("RLIMIT_CORE", 0)
    while length := sys.stdin.buffer.read(8):
        _limit("RLIMIT_CPU", math.ceil(time.process_time()) + MOST_SECONDS)
        data = sys.stdin.buffer.read(int.from_bytes(length, "big"))
        try:
            picture = open_picture(data)
            said, pixels = {"size": picture.size}, picture.tobytes()
        except Refused as refused:
            said, pixels = {"refused": refused.key, "values": refused.values}, b""
        sys.stdout.buffer.write(json.dumps(said).encode() + b"\n" + pixels)
        sys.stdout.buffer.flush()


def _limit(name: str, most: int) -> None:
    with contextlib.suppress(ImportError):  # not on Windows, where only the time of `decoder.py` is a limit
        import resource

        limit = getattr(resource, name)
        resource.setrlimit(limit, (most, resource.getrlimit(limit)[1]))


if __name__ == "__main__":
    main()
