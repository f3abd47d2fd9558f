"""Calendars as lines."""

import re


def properties(sent: bytes) -> list[str]:
    """The lines of a calendar, unfolded."""
    return sent.decode().replace("\r\n ", "").split("\r\n")


def shape(sent: bytes) -> list[str]:
    """Which properties there are, in order, without what they say."""
    return [re.split("[;:]", line, maxsplit=1)[0] for line in properties(sent)]


def check_lines(sent: bytes) -> None:
    """Fail unless every line ends in CRLF, is short and whole (RFC 5545, 3.1)."""
    assert sent.endswith(b"\r\n")
    lines = sent.split(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    for line in lines:
        assert len(line) <= 75
        line.decode()  # no line ends inside a character
