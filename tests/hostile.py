"""Files people bring, made here: name, maker of its bytes, and the sentence that refuses it, or None if it works."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

from fgsm.places import BUILTIN_FACES

FACE = Image.open(BUILTIN_FACES / "person_12" / "06.png").convert("RGB").resize((368, 448))


def saved(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def chunk(kind, body, wrong=0):
    """A chunk of a PNG; `wrong` spoils its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body) ^ wrong)


def png_of_size(width, height):
    """A PNG that declares a size without holding the pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def png_with(*chunks, behind=b"", picture=FACE):
    """A PNG with these chunks before its pixels, and `behind` after them."""
    data = saved(picture, "PNG")
    return data[:33] + b"".join(chunks) + data[33:-12] + behind + data[-12:]


def png_spoilt(kind):
    """A PNG whose first chunk of that kind has a wrong checksum."""
    data = bytearray(saved(FACE.quantize(), "PNG"))
    at = data.index(kind)
    data[at + 4 + int.from_bytes(data[at - 4 : at], "big")] ^= 1
    return bytes(data)


def exif_of(*tags, first=8):
    """EXIF data whose only directory is at `first` and holds these (tag, type, count, value)."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return struct.pack("<2sHI", b"II", 42, first) + struct.pack("<H", len(tags)) + entries + bytes(4)


UPRIGHT_AFTER_A_QUARTER = (0x0112, 3, 1, 6)
BROKEN_EXIF = {
    "empty": b"",
    "cut": b"II*\0",
    "garbage": b"\xff\0garbage" * 9,
    "text": exif_of((0x0112, 2, 2, ord("6"))),
    "ratio": exif_of((0x0112, 5, 1, 8)),
    "text_of_8_GB": exif_of((0x010E, 2, 2**31, 8), (0x9003, 12, 2**30, 8)),
    "far": exif_of(first=2**31),
    "missing_entries": exif_of(UPRIGHT_AFTER_A_QUARTER)[:8] + b"\xff\xff\x12\x01",
    "in_itself": exif_of((0x8769, 4, 1, 8), (0x8825, 4, 1, 8), (0xA005, 4, 1, 8)),
    "pointer_of_text": exif_of((0x8769, 2, 4, 0x41414141), (0x8825, 2, 4, 0x41414141)),
}
XMP = '<x:xmpmeta xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
PROFILE_TEXT = b"Raw profile type exif\0\0"


def raw_profile(exif):
    """A chunk with EXIF data as older programs write it."""
    lines = f"\nexif\n{len(exif):8}\n{exif.hex()}\n"
    return chunk(b"zTXt", PROFILE_TEXT + zlib.compress(lines.encode()))


def xmp_chunk(packed=False):
    text = zlib.compress(XMP.encode()) if packed else XMP.encode()
    return chunk(b"iTXt", b"XML:com.adobe.xmp\0" + bytes([packed, 0, 0, 0]) + text)


def large(kind, head):
    """A chunk of text or profile that takes 100 MB when it is decompressed."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(10**6)) for _ in range(100)) + packer.flush()
    return chunk(kind, head + packed)


def avif_of(brand, *compatible):
    """An AVIF whose first box names these kinds of picture."""
    data = several_frames("AVIF") if b"avis" in compatible else saved(FACE, "AVIF", quality=90)
    rest = data[int.from_bytes(data[:4], "big") :]
    # What lies behind is found by its distance from the beginning, so the box keeps its length.
    length = len(data) - len(rest)
    brands = b"".join([brand, bytes(4), *compatible])
    assert len(brands) <= length - 8
    return struct.pack(">I4s", length, b"ftyp") + brands.ljust(length - 8, b"\0") + rest


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6  # shown a quarter turn clockwise
    return saved(FACE.rotate(90, expand=True), "JPEG", exif=exif, quality=95)


def transparent():
    picture = FACE.convert("RGBA")
    picture.putpixel((0, 0), (0, 0, 0, 0))
    return saved(picture, "PNG")


def sixteen_bits():
    return saved(Image.fromarray(np.asarray(FACE.convert("L")).astype(np.uint16) * 257), "PNG")


def several_frames(kind):
    return saved(
        FACE.convert("P") if kind == "GIF" else FACE, kind, save_all=True, append_images=[FACE.rotate(180)] * 3
    )


FILES = [
    ("face.png", lambda: saved(FACE, "PNG"), None),
    ("face.jpg", lambda: saved(FACE, "JPEG", quality=95), None),
    ("face.webp", lambda: saved(FACE, "WEBP", quality=95), None),
    ("face.bmp", lambda: saved(FACE, "BMP"), None),
    ("pages.tiff", lambda: several_frames("TIFF"), None),
    ("moving.gif", lambda: several_frames("GIF"), None),
    ("turned.jpg", turned, None),
    ("scan_cmyk.jpg", lambda: saved(FACE.convert("CMYK"), "JPEG", quality=95), None),
    ("sixteen_bits.png", sixteen_bits, None),
    ("transparent.png", transparent, None),
    ("no_suffix_jpeg.png", lambda: saved(FACE, "JPEG", quality=95), None),
    ("12000x12000.jpg", lambda: saved(Image.new("L", (12000, 12000), 90), "JPEG"), None),
    ("nobody.png", lambda: saved(Image.radial_gradient("L").resize((400, 300)), "PNG"), None),
    ("1x1.png", lambda: saved(Image.new("RGB", (1, 1)), "PNG"), "refused.tiny"),
    ("empty.jpg", lambda: b"", "refused.empty"),
    ("text.png", lambda: b"This is no picture at all.\n" * 50, "refused.unreadable"),
    ("drawing.svg", lambda: b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "refused.svg"),
    ("iphone.heic", lambda: b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(200), "refused.heic"),
    ("document.pdf", lambda: b"%PDF-1.7\n" + bytes(500), "refused.unreadable"),
    ("print.eps", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "refused.unreadable"),
    ("truncated.jpg", lambda: saved(FACE, "JPEG", quality=95)[:5000], "refused.damaged"),
    ("truncated.png", lambda: saved(FACE, "PNG")[:5000], "refused.damaged"),
    ("header_only.png", lambda: b"\x89PNG\r\n\x1a\n broken", "refused.unreadable"),
    ("12000x12000.png", lambda: png_of_size(12000, 12000), "refused.pixels"),
    ("exif_cut.png", lambda: png_with(chunk(b"eXIf", b"II*\0")), None),
    ("exif_in_name_only.png", lambda: png_with(chunk(b"zTXt", PROFILE_TEXT + zlib.compress(b"none"))), None),
    ("large_text.png", lambda: png_with(large(b"zTXt", b"Comment\0\0")), None),
    ("checksum_of_text.png", lambda: png_with(chunk(b"tEXt", b"Comment\0x", wrong=1)), None),
    ("checksum_of_header.png", lambda: png_spoilt(b"IHDR"), "refused.damaged"),
    ("checksum_of_palette.png", lambda: png_spoilt(b"PLTE"), "refused.damaged"),
    ("checksum_of_pixels.png", lambda: png_spoilt(b"IDAT"), "refused.damaged"),
    ("exif_cut.jpg", lambda: saved(FACE, "JPEG", exif=b"Exif\0\0II*\0"), None),
    ("exif_cut.webp", lambda: saved(FACE, "WEBP", exif=b"Exif\0\0II*\0"), None),
    ("brand_mif1.avif", lambda: avif_of(b"mif1", b"avif", b"miaf"), None),
    ("brand_msf1.heic", lambda: b"\x00\x00\x00\x18ftypmsf1\x00\x00\x00\x00msf1hevc" + bytes(200), "refused.heic"),
    ("profile_broken.jpg", lambda: saved(FACE, "JPEG", icc_profile=b"no profile" * 50), None),
    ("not_a_number.tiff", lambda: saved(Image.fromarray(np.full((200, 200), np.nan, np.float32)), "TIFF"), None),
    ("bomb.png", lambda: png_of_size(60000, 60000), "refused.pixels"),
    ("heavy.png", lambda: saved(FACE, "PNG") + bytes(41 * 10**6), "refused.bytes"),
]
