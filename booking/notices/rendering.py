"""The words of a notice, from its templates."""

import re
from typing import Any

from django.template.loader import render_to_string

from booking.partnership.kept import the_partnership

_EMPTY_LINES = re.compile(r"\n\s*\n\s*\n")


def rendered(topic: str, part: str, notice: object) -> str:
    """One part of a topic's notice: its subject, text or HTML."""
    words: dict[str, Any] = {"notice": notice, "partnership": the_partnership()}
    return render_to_string(f"notices/{topic}/{part}", words)


def tidied(text: str) -> str:
    """Plain text without the gaps that template tags leave."""
    return _EMPTY_LINES.sub("\n\n", text.replace("\r\n", "\n")).strip() + "\n"
