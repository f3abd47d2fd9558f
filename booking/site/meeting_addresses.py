"""Addresses of meetings in what people type: of the services that hold them, and our join links."""

import re
from urllib.parse import urlsplit

from django.conf import settings

_SERVICES = re.compile(
    # A recording is no meeting.
    r"((zoom\.us|zoomgov\.com)(?!/rec/)|teams\.(microsoft|live)\.com|teams\.cloud\.microsoft"
    r"|meet\.google\.com|webex\.com|gotomeeting\.com|gotowebinar\.com|whereby\.com|meet\.jit\.si"
    r"|bluejeans\.com)/",
    re.IGNORECASE,
)


def holds_a_meeting(text: str) -> bool:
    """Whether a text holds the address of a meeting, or somebody's own join link."""
    ours = f"{urlsplit(settings.SITE_URL).netloc}/join/"
    return bool(_SERVICES.search(text)) or ours.lower() in text.lower()
