"""Log lines as JSON, one object a line, without anybody's personal data."""

import re
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from booking.site.signed_links import SignedLink

_SECRET_FEED = re.compile(r"(/calendar/)[^/\s\"']+(\.ics)")
# The last is the way to a new password, which is not signed by us; its "done" is no secret.
_SECRET_AFTER = (*(link.prefix for link in SignedLink), "/accounts/password/reset/key/")
_SECRET_LINK = re.compile(rf"({'|'.join(map(re.escape, _SECRET_AFTER))})(?!done/)[^/\s\"']+")


def without_secrets(logger: Any, method: str, event: EventDict) -> EventDict:
    """The line without the token of a feed or of a link to answer by.

    Django logs the path of what goes wrong.
    """
    for key, value in event.items():
        if isinstance(value, str) and "/" in value:
            event[key] = blank_secrets(value)
    return event


def blank_secrets(text: str, *, but: SignedLink | None = None) -> str:
    """A text in which nobody can use the addresses of feeds or the signed links, but one kind."""
    kept = but.prefix if but else None
    return _SECRET_LINK.sub(
        lambda link: link[0] if link[1] == kept else f"{link[1]}[secret]",
        _SECRET_FEED.sub(r"\1[secret]\2", text),
    )


_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]


class JsonFormatter(structlog.stdlib.ProcessorFormatter):
    """The formatter for the standard library's handlers."""

    def __init__(self) -> None:
        super().__init__(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                without_secrets,
                structlog.processors.JSONRenderer(),
            ],
            foreign_pre_chain=_SHARED,
        )


structlog.configure(
    processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)
