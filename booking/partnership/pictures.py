"""Pictures that coordinators upload: what they really are, told from their bytes.

Only pictures made of pixels. An SVG can carry scripts and is not taken, whatever its name says.
The name and the type that a browser sends are not looked at.
"""

import hashlib
from dataclasses import dataclass
from zlib import crc32

from booking.site.refusals import Refused

MOST_BYTES = 100_000
_MOST_PIXELS = 2000

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
# Start of frame, for every way of coding; between them stand DHT (C4), JPG (C8) and DAC (CC).
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_SCAN, _JPEG_END = 0xDA, b"\xff\xd9"
_WEBP_ANIMATED = 0x02


class PictureRefused(Refused):
    """This file cannot be shown as a picture; the sentence says what would do."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence


@dataclass(frozen=True)
class Picture:
    """A picture that is whole, and how large it is in pixels."""

    content: bytes
    content_type: str
    width: int
    height: int

    @property
    def digest(self) -> str:
        """Short, and another one for every other picture."""
        return hashlib.sha256(self.content).hexdigest()[:16]


def picture_of(content: bytes) -> Picture:
    """The picture that these bytes are. Raises `PictureRefused`."""
    if len(content) > MOST_BYTES:
        raise PictureRefused(
            f"The logo is too large: choose a file of {MOST_BYTES // 1000} kB or less."
        )
    try:
        content_type, (width, height) = _read(content)
    except (IndexError, ValueError) as fault:
        raise _broken() from fault
    if not 0 < width <= _MOST_PIXELS or not 0 < height <= _MOST_PIXELS:
        raise PictureRefused(
            f"The logo is too large: choose one of at most {_MOST_PIXELS:,} by"
            f" {_MOST_PIXELS:,} pixels."
        )
    return Picture(content, content_type, width, height)


def _read(content: bytes) -> tuple[str, tuple[int, int]]:
    if content.startswith(_PNG):
        return "image/png", _size_of_png(content)
    if content.startswith(_JPEG):
        return "image/jpeg", _size_of_jpeg(content)
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp", _size_of_webp(content)
    raise PictureRefused("The logo must be a PNG, JPEG or WebP picture. An SVG cannot be used.")


def _size_of_png(content: bytes) -> tuple[int, int]:
    """Width and height, once every chunk has been checked (PNG, third edition, 5.3)."""
    kinds, at = [], len(_PNG)
    while at < len(content):
        end = at + 12 + int.from_bytes(content[at : at + 4])
        told, named = content[at + 4 : end - 4], content[end - 4 : end]
        if end > len(content) or crc32(told) != int.from_bytes(named):
            raise _broken()
        kinds.append(told[:4])
        at = end
    if kinds[0] != b"IHDR" or b"IDAT" not in kinds or kinds.index(b"IEND") != len(kinds) - 1:
        raise _broken()
    if b"acTL" in kinds:
        raise _moving()
    return int.from_bytes(content[16:20]), int.from_bytes(content[20:24])


def _size_of_jpeg(content: bytes) -> tuple[int, int]:
    """Width and height from the frame, of a file that has a scan and an end (ITU-T T.81, B.1)."""
    size, at = None, 2
    while (marker := content[at + 1]) != _JPEG_SCAN:
        if content[at] != 0xFF:
            raise _broken()
        if marker == 0xFF:  # a byte that fills a gap
            at += 1
            continue
        if marker in _JPEG_FRAMES:
            height, width = content[at + 5 : at + 7], content[at + 7 : at + 9]
            size = int.from_bytes(width), int.from_bytes(height)
        at += 2 + int.from_bytes(content[at + 2 : at + 4])
    if size is None or not content.endswith(_JPEG_END):
        raise _broken()
    return size


def _size_of_webp(content: bytes) -> tuple[int, int]:
    """Width and height from the first chunk (RFC 9649, 2.5 to 2.7)."""
    if int.from_bytes(content[4:8], "little") + 8 != len(content) or len(content) < 30:
        raise _broken()
    kind, body = content[12:16], content[20:30]
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = body[6:8], body[8:10]
        return int.from_bytes(width, "little") & 0x3FFF, int.from_bytes(height, "little") & 0x3FFF
    if kind == b"VP8L" and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        if body[0] & _WEBP_ANIMATED:
            raise _moving()
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    raise _broken()


def _broken() -> PictureRefused:
    return PictureRefused("The logo cannot be read: the file is damaged or not complete.")


def _moving() -> PictureRefused:
    return PictureRefused("The logo moves: choose a picture that stands still.")
