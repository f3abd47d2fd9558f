"""Logos are told from their bytes: pictures of pixels that are whole, and nothing else."""

import pytest

from booking.partnership.pictures import MOST_BYTES, PictureRefused, picture_of
from tests.partnership.samples import (
    JPEG,
    LARGE_CANVAS_WEBP,
    LOSSLESS_WEBP,
    PNG,
    SVG,
    WEBP,
    chunk,
    png,
    webp,
)


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (WEBP, "image/webp"),
        (LOSSLESS_WEBP, "image/webp"),
        (LARGE_CANVAS_WEBP, "image/webp"),
    ],
)
def test_a_whole_picture_is_known_with_its_size(content: bytes, content_type: str) -> None:
    picture = picture_of(content)
    assert (picture.content_type, picture.width, picture.height) == (content_type, 3, 2)


@pytest.mark.parametrize("content", [PNG, JPEG, WEBP, LOSSLESS_WEBP, LARGE_CANVAS_WEBP])
def test_a_picture_cut_short_anywhere_is_refused(content: bytes) -> None:
    for length in range(len(content)):
        with pytest.raises(PictureRefused):
            picture_of(content[:length])


def test_a_damaged_png_is_refused() -> None:
    damaged = PNG.replace(b"IDAT\x78", b"IDAT\x79")
    assert damaged != PNG
    with pytest.raises(PictureRefused, match="damaged or not complete"):
        picture_of(damaged)


@pytest.mark.parametrize(
    "content",
    [SVG, b"\xef\xbb\xbf" + SVG, b'<?xml version="1.0"?>' + SVG, b"GIF89a" + bytes(40), b""],
)
def test_what_is_no_picture_of_pixels_is_refused(content: bytes) -> None:
    with pytest.raises(PictureRefused, match="must be a PNG, JPEG or WebP"):
        picture_of(content)


@pytest.mark.parametrize("picture", [PNG, WEBP, JPEG])
def test_a_picture_with_something_behind_it_is_refused(picture: bytes) -> None:
    with pytest.raises(PictureRefused, match="damaged or not complete"):
        picture_of(picture + SVG)


@pytest.mark.parametrize(
    "content",
    [png(chunk(b"acTL", bytes(8))), webp(b"VP8X", bytes([2, 0, 0, 0, 2, 0, 0, 1, 0, 0]))],
)
def test_a_picture_that_moves_is_refused(content: bytes) -> None:
    with pytest.raises(PictureRefused, match="moves"):
        picture_of(content)


def test_a_picture_too_large_is_refused() -> None:
    filling = chunk(b"tEXt", bytes(MOST_BYTES - len(PNG) - 12))
    assert picture_of(png(filling)).width == 3
    with pytest.raises(PictureRefused, match="100 kB or less"):
        picture_of(png(filling + b"\0"))
    with pytest.raises(PictureRefused, match="2,000 by 2,000 pixels"):
        picture_of(png(width=2001))
