"""Pictures for tests: real ones, three pixels wide and two high."""

import base64
import zlib

_SCANLINES = zlib.compress(b"\0" * 2 * (1 + 3 * 3))


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    """One chunk of a PNG."""
    told = kind + body
    return len(body).to_bytes(4) + told + zlib.crc32(told).to_bytes(4)


def png(*more: bytes, width: int = 3, height: int = 2) -> bytes:
    """A PNG, with more chunks before its pixels."""
    head = width.to_bytes(4) + height.to_bytes(4) + bytes([8, 2, 0, 0, 0])
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", head),
            *more,
            chunk(b"IDAT", _SCANLINES),
            chunk(b"IEND"),
        ]
    )


def webp(kind: bytes, body: bytes) -> bytes:
    """A WebP of one chunk."""
    inside = b"WEBP" + kind + len(body).to_bytes(4, "little") + body
    return b"RIFF" + len(inside).to_bytes(4, "little") + inside


PNG = png()
# The next three were drawn by a browser.
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4"
    "UG1RV19iZ2hnPk1xeXBkeFxlZ2P/2wBDARESEhgVGC8aGi9jQjhCY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2Nj"
    "Y2NjY2NjY2NjY2NjY2NjY2NjY2P/wAARCAACAAMDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAX/xAAZEAEA"
    "AgMAAAAAAAAAAAAAAAAAAgQ0gbH/xAAVAQEBAAAAAAAAAAAAAAAAAAACBf/EABcRAQADAAAAAAAAAAAAAAAAAAABAjH/"
    "2gAMAwEAAhEDEQA/AItzJnrgBVyFR//Z"
)
WEBP = base64.b64decode(
    "UklGRjYAAABXRUJQVlA4ICoAAACwAQCdASoDAAIAAsBMJagCdAEO/gLsAP7ScGmjASfCsKRL+Zvwo+TqAAA="
)
LOSSLESS_WEBP = base64.b64decode(
    "UklGRjYAAABXRUJQVlA4TCoAAAAvAkAAABcgEG1TNZF7XECSgIMa2HoCAcpU4Z35j/4bADJp29DXdovof3A="
)
LARGE_CANVAS_WEBP = webp(b"VP8X", bytes([0, 0, 0, 0, 2, 0, 0, 1, 0, 0]))
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
