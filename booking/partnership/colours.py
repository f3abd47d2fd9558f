"""The partnership's colour: whether it can be read, and the style sheet that brings it."""

import re

# As in tokens.css: what links stand on, palest first.
_GROUNDS = ("#ffffff", "#eef4f3", "#f5f1ea")
# WCAG 2.2, 1.4.3: text of ordinary size.
LEAST_CONTRAST = 4.5
_HEX = re.compile(r"#?([0-9a-f]{6}|[0-9a-f]{3})")
# Of each channel, for what darkens under the pointer.
_DARKER = 0.6


def as_hex(typed: str) -> str | None:
    """A colour as #rrggbb, or nothing if it cannot be read: "0B5563", "#0b5563" and "#0be" can."""
    found = _HEX.fullmatch(typed.strip().lower())
    if found is None:
        return None
    digits = found[1]
    return "#" + (digits if len(digits) == 6 else "".join(2 * digit for digit in digits))


def contrast(one: str, other: str) -> float:
    """The contrast of two colours (WCAG 2.2, "contrast ratio"), from 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def least_contrast(colour: str) -> float:
    """Its contrast where it is hardest to read: with white on it, or as a link on a pale ground."""
    return min(contrast(colour, ground) for ground in _GROUNDS)


def stylesheet(colour: str) -> str:
    """The style sheet that puts this colour, #rrggbb, in place of the site's own."""
    darker = "#" + "".join(f"{int(channel * _DARKER):02x}" for channel in _channels(colour))
    return (
        f":root{{--app-deep:{colour};"
        f"--govuk-brand-colour:{colour};--govuk-link-colour:{colour};"
        f"--govuk-link-hover-colour:{darker}}}\n"
    )


def _channels(colour: str) -> bytes:
    return bytes.fromhex(colour.removeprefix("#"))


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
