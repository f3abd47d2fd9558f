"""The part of a notice that calendars read."""

from email.message import EmailMessage
from typing import Any


def calendar_part(mail: EmailMessage) -> Any:
    [found] = [each for each in mail.walk() if each.get_content_type() == "text/calendar"]
    return found
