"""Reading any picture safely.

Run as a program, it reads pictures from its input, each in little time and memory, and writes what `decoder.py` reads.
"""

import contextlib
import io
import json
import math
import re
import struct
import sys
import time
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from .texts import Refused

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF", "TIFF", "BMP", "PPM", "JPEG2000")  # others are rare, and run more code
AVIF_BRANDS = {b"avif", b"avis"}
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}  # the last two, of AVIF as well
MOST_BYTES = 40 * 10**6
HEAD = 1024  # bytes at the beginning of a file, which tell its kind
SLOW_PIXELS = 4 * 10**6  # of a kind that takes a second for a million
NEXT_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")  # in a JPEG, all others stand among pixels
MOST_SCANNED = 10**9  # pixels in all layers
PNG = b"\x89PNG\r\n\x1a\n"
TIFF = (b"II*\0", b"MM\0*")
PNG_PIXELS = {b"IHDR", b"PLTE", b"IDAT"}
MOST_CHUNKS = 100_000
PACKED = {  # chunks of a PNG that are of use here, and what stands in them before what is packed
    b"iCCP": re.compile(rb"[^\0]{1,79}\0\0"),
    b"zTXt": re.compile(rb"Raw profile type exif\0\0"),
    b"iTXt": re.compile(rb"XML:com\.adobe\.xmp\0(?:(\0).|\x01\0)[^\0]*\0[^\0]*\0", re.DOTALL),
}
MOST_UNPACKED = 10**6  # bytes in such a chunk
MOST_PROFILE = 4 * 10**6  # bytes: those of printers have two million
ORIENTATION = ExifTags.Base.Orientation
WIDTHS = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}  # bytes of a value in TIFF and EXIF, or 1
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
RUN_LENGTHS = (b"\x01\0\0\0", b"\x02\0\0\0")  # compressed BMP
MOST_PIXELS = 64 * 10**6
MOST_SECONDS = 4  # of a core, for a stranger's picture
MOST_MEMORY = 3 * 2**29  # bytes of address space, the program's own included
LARGEST = 3000  # pixels: more of a picture's width or height is not kept
LARGEST_PRINTED = 2000  # in inks with a profile, whose pixels take five times as long as others
SMALLEST = 16  # pixels: below, nobody sees a face

Image.init()
warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # MOST_PIXELS is stricter
warnings.filterwarnings("ignore", module=r"PIL\.")  # of notes in a picture that nobody needs


def open_picture(source: Path | str | bytes) -> Image.Image:
    """The picture in the file `source`, or in these bytes of one, upright and in RGB, at most LARGEST pixels a side.

    Raises Refused for what is no picture, is damaged, or would need much time or memory, before any of it is spent.
    """
    data = source if isinstance(source, bytes) else _bytes_of(Path(source))
    _check_size(len(data))
    _check_kind(data)
    if data.startswith(PNG):
        data = _png_without_notes(data)
    if data[:4] in TIFF:
        data = _tiff_without_lost_tags(data)
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
    if picture.format in ("JPEG", "MPO") and _scans(data) * declared[0] * declared[1] > MOST_SCANNED:
        raise Refused("refused.costly")
    if min(declared) < SMALLEST:
        raise Refused("refused.tiny", smallest=SMALLEST)
    try:
        return upright_rgb(picture, LARGEST)
    except MemoryError:
        raise Refused("refused.costly") from None
    except Exception:
        raise Refused("refused.damaged") from None


def _scans(jpeg: bytes) -> int:
    """How many layers the first picture in the data of a JPEG has; behind it phones put others, or a film."""
    at, scans = 2, 0
    while at + 4 <= len(jpeg):
        marker = NEXT_MARKER.search(jpeg, at)
        if marker is None or marker[1] == b"\xd9":
            break
        scans += marker[1] == b"\xda"
        at = marker.end() + int.from_bytes(jpeg[marker.end() : marker.end() + 2], "big")
    return scans


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


def _check_kind(data: bytes) -> None:
    """Raise Refused for kinds of file that cannot be read here, or that keep a slow decoder busy for a minute."""
    if brands(data) & HEIC_BRANDS and not is_avif(data):
        raise Refused("refused.heic")
    if data[:HEAD].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<") and b"<svg" in data[:HEAD]:
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


def _png_without_notes(data: bytes) -> bytes:
    """A PNG without the chunks beside its pixels that are damaged, large or of no use here: Pillow refuses for them.

    Raises Refused where a chunk of the pixels is damaged, or where there are too many.
    """
    kept, taken, at = [], set(), len(PNG)
    for start, end in _png_chunks(data):
        kind, body = data[start + 4 : start + 8], memoryview(data)[start + 8 : end - 4]
        whole = end <= len(data) and zlib.crc32(body, zlib.crc32(kind)) == int.from_bytes(data[end - 4 : end], "big")
        if kind in PNG_PIXELS and end <= len(data) and not whole:
            raise Refused("refused.damaged")
        if kind[:1].isupper() or (whole and kind not in taken and _is_of_use(kind, body, data)):
            taken.add(kind)
            continue
        kept.append(data[at:start])
        at = end
    return b"".join([PNG, *kept, data[at:]]) if kept else data


def _png_chunks(data: bytes) -> Iterator[tuple[int, int]]:
    """Where each chunk of a PNG begins and ends, up to the last one, which may end behind `data`."""
    start = len(PNG)
    for _ in range(MOST_CHUNKS):
        end = start + 12 + int.from_bytes(data[start : start + 4], "big")
        kind = data[start + 4 : start + 8]
        if len(kind) < 4 or not kind.isalpha() or kind == b"IEND":
            return
        yield start, end
        start = end
    raise Refused("refused.costly")


def _is_of_use(kind: bytes, body: memoryview, data: bytes) -> bool:
    """Whether a chunk beside the pixels of the PNG `data` can change how they look, and Pillow can read it."""
    if kind == b"tRNS":
        depth, colours = data[24:26]
        return depth <= 8 and len(body) in {0: (2,), 2: (6,), 3: range(1, 257)}.get(colours, ())
    if kind not in PACKED:
        return kind == b"eXIf"
    head = PACKED[kind].match(body)
    if head is None or head.lastindex:  # a text as it is
        return head is not None and len(body) <= MOST_UNPACKED
    unpacking = zlib.decompressobj()
    try:
        unpacking.decompress(body[head.end() :], MOST_UNPACKED)
    except zlib.error:
        return False
    return not unpacking.unconsumed_tail


def _tiff_without_lost_tags(data: bytes) -> bytes:
    """A TIFF without the tags that should lie behind its end: Pillow would not read those that come after them."""
    lost = [
        at
        for at, _, kind, count, value in _tags(data)
        if (size := count * WIDTHS.get(kind, 1)) > 4 and value + size > len(data)
    ]
    mended = bytearray(data) if lost else data
    for at in lost:
        mended[at + 2 : at + 4] = bytes(2)  # no type, which is skipped
    return bytes(mended)


def _tags(tiff: bytes) -> Iterator[tuple[int, int, int, int, int]]:
    """Place, number, type, count and value, or the value's place, of each tag in the first directory of TIFF data."""
    order = "<" if tiff.startswith(b"II") else ">"
    with contextlib.suppress(struct.error):
        (first,) = struct.unpack_from(order + "I", tiff, 4)
        (tags,) = struct.unpack_from(order + "H", tiff, first)
        for at in range(first + 2, first + 2 + 12 * tags, 12):
            number, kind, count = struct.unpack_from(order + "HHI", tiff, at)
            short = kind == 3 and count == 1
            (value,) = struct.unpack_from(order + ("H2x" if short else "I"), tiff, at + 8)
            yield at, number, kind, count, value


def _opened(data: bytes) -> Image.Image:
    """The picture in `data`, not yet decoded. Raises what the decoders raise."""
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
        lambda: int(XMP_ORIENTATION.search(picture.info["xmp"])[1]),
        lambda: None if picture.format else picture.getexif()[ORIENTATION],  # noted in memory
    ):
        with contextlib.suppress(Exception):
            if (found := read()) in range(1, 9):
                return found
    return 1


def _orientation_in(exif: bytes) -> int | None:
    """The orientation in EXIF data, where it can be read.

    Pillow's own reader gives up at the first broken tag, and copies whatever length a tag claims.
    """
    while exif.startswith(b"Exif\0\0"):
        exif = exif[6:]
    if not exif.startswith(TIFF):
        return None
    return next((value for _, *tag, value in _tags(exif) if tag in ([ORIENTATION, 3, 1], [ORIENTATION, 4, 1])), None)


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
            return ImageCms.profileToProfile(picture, io.BytesIO(profile), srgb, outputMode="RGB")
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
    (bits,), (kind,) = picture.tag_v2.get(258, (16,))[:1], picture.tag_v2.get(339, (1,))[:1]
    return 2 ** (bits - (kind == 2)) - 1


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
