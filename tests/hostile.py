"""Files people bring, made here: name, maker of its bytes, and the sentence that refuses it, or None if it works."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

from fgsm.dataset import BUILTIN_FACES

FACE = Image.open(BUILTIN_FACES / "person_12" / "06.png").convert("RGB").resize((368, 448))


def saved(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def png_of_size(width, height):
    """A PNG that declares a size without holding the pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


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
    ("brand_mif1.avif", lambda: avif_of(b"mif1", b"avif", b"miaf"), None),
    ("brand_msf1.heic", lambda: b"\x00\x00\x00\x18ftypmsf1\x00\x00\x00\x00msf1hevc" + bytes(200), "refused.heic"),
    ("bomb.png", lambda: png_of_size(60000, 60000), "refused.pixels"),
    ("heavy.png", lambda: saved(FACE, "PNG") + bytes(41 * 10**6), "refused.bytes"),
]
