"""What files of pictures say of themselves, before any decoder looks at them: kinds, layers, chunks and tags."""

import contextlib
import re
import struct
import zlib
from collections.abc import Iterator

from ..texts import Refused

AVIF_BRANDS = {b"avif", b"avis"}
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}  # the last two, of AVIF as well
HEAD = 1024  # bytes at the beginning of a file, which tell its kind
NEXT_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")  # in a JPEG, all others stand among pixels
RUN_LENGTHS = (b"\x01\0\0\0", b"\x02\0\0\0")  # compressed BMP
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
WIDTHS = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}  # bytes of a value in TIFF and EXIF, or 1


def scans_of(jpeg: bytes) -> int:
    """How many layers the first picture in the data of a JPEG has; behind it phones put others, or a film."""
    at, scans = 2, 0
    while at + 4 <= len(jpeg):
        marker = NEXT_MARKER.search(jpeg, at)
        if marker is None or marker[1] == b"\xd9":
            break
        scans += marker[1] == b"\xda"
        at = marker.end() + int.from_bytes(jpeg[marker.end() : marker.end() + 2], "big")
    return scans


def is_avif(data: bytes | bytearray) -> bool:
    """Whether the file that begins with `data` says that it holds an AVIF picture, first or among others."""
    return bool(brands(data) & AVIF_BRANDS)


def check_kind(data: bytes) -> None:
    """Raise Refused for kinds of file that cannot be read here, or that keep a slow decoder busy for a minute."""
    if brands(data) & HEIC_BRANDS and not is_avif(data):
        raise Refused("refused.heic")
    if data[:HEAD].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<") and b"<svg" in data[:HEAD]:
        raise Refused("refused.svg")
    if data[:2] in (b"P1", b"P2", b"P3") or (data[:2] == b"BM" and data[30:34] in RUN_LENGTHS):
        raise Refused("refused.unreadable")


def brands(data: bytes | bytearray) -> set[bytes]:
    """The kinds of picture, such as heic, that a file of Apple's or AVIF's container says it holds; else none."""
    head = bytes(data[:HEAD])
    if head[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[at : at + 4] for at in (8, *range(16, end, 4))}


def png_without_notes(data: bytes) -> bytes:
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


def tiff_without_lost_tags(data: bytes) -> bytes:
    """A TIFF without the tags that should lie behind its end: Pillow would not read those that come after them."""
    lost = [
        at
        for at, _, kind, count, value in tags(data)
        if (size := count * WIDTHS.get(kind, 1)) > 4 and value + size > len(data)
    ]
    mended = bytearray(data)
    for at in lost:
        mended[at + 2 : at + 4] = bytes(2)  # no type, which is skipped
    return bytes(mended) if lost else data


def tags(tiff: bytes) -> Iterator[tuple[int, int, int, int, int]]:
    """Place, number, type, count and value, or the value's place, of each tag in the first directory of TIFF data."""
    order = "<" if tiff.startswith(b"II") else ">"
    with contextlib.suppress(struct.error):
        (first,) = struct.unpack_from(order + "I", tiff, 4)
        (count_of_tags,) = struct.unpack_from(order + "H", tiff, first)
        for at in range(first + 2, first + 2 + 12 * count_of_tags, 12):
            number, kind, count = struct.unpack_from(order + "HHI", tiff, at)
            short = kind == 3 and count == 1
            (value,) = struct.unpack_from(order + ("H2x" if short else "I"), tiff, at + 8)
            yield at, number, kind, count, value
