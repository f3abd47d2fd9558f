"""The partnership's colour: whether it can be read, and the style sheet that brings it."""

import re

# As in tokens.css: what links stand on, palest first.
_GROUNDS = ("#ffffff", "#eef4f3", "#f5f1ea")
DARK_GROUNDS = ("#17282d", "#101c1f", "#0b1416")
# WCAG 2.2, 1.4.3: text of ordinary size.
LEAST_CONTRAST = 4.5
# Of the twin on dark grounds, so that it holds on a row under the pointer too.
_CONTRAST_IN_THE_DARK = 7
_HEX = re.compile(r"#?([0-9a-f]{6}|[0-9a-f]{3})")
# Of each channel, for what darkens under the pointer.
_DARKER = 0.6
# Of the way to white, for what lightens under the pointer in the dark, and the steps to the twin.
_LIGHTER = 0.5
_STEPS = 100


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


def dark_twin(colour: str) -> str:
    """The same colour on dark grounds: mixed with as little white as makes it easy to read."""
    twins = (_paler(colour, step / _STEPS) for step in range(_STEPS + 1))
    return next(twin for twin in twins if _is_easy_in_the_dark(twin))


def stylesheet(colour: str) -> str:
    """The style sheet that puts this colour, #rrggbb, in place of the site's own.

    On dark screens its twin stands for links and buttons, whose words are dark there.
    """
    darker = _mixed(colour, "#000000", 1 - _DARKER)
    twin = dark_twin(colour)
    return (
        f":root{{--app-deep:{colour};{_link_colours(colour, hover=darker)}}}\n"
        "@media screen and (prefers-color-scheme:dark){"
        f":root{{--app-deep:{darker};{_link_colours(twin, hover=_paler(twin, _LIGHTER))}}}}}\n"
    )


def _link_colours(colour: str, *, hover: str) -> str:
    return (
        f"--govuk-brand-colour:{colour};--govuk-link-colour:{colour};"
        f"--govuk-link-hover-colour:{hover}"
    )


def _is_easy_in_the_dark(colour: str) -> bool:
    return min(contrast(colour, ground) for ground in DARK_GROUNDS) >= _CONTRAST_IN_THE_DARK


def _paler(colour: str, share: float) -> str:
    return _mixed(colour, "#ffffff", share)


def _mixed(colour: str, other: str, share: float) -> str:
    """This colour with a share, from 0 to 1, of another."""
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{int(one + (two - one) * share):02x}" for one, two in pairs)


def _channels(colour: str) -> bytes:
    return bytes.fromhex(colour.removeprefix("#"))


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
