"""What is known of the topics of messages. Each room registers those that it posts.

`booking/apps.py` imports every room that does, so that all of the web server, the worker and the
commands of `manage.py` know them.
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, Literal, TypeVar

_Compose = TypeVar("_Compose", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class MailTopic:
    """A topic, such as `booking.confirmed`, and what pages call it."""

    name: str
    words: str
    _: KW_ONLY
    # Somebody is waiting for it, so it goes ahead of other mail.
    is_urgent: bool = False
    # It goes to many, and waits until everything else has gone.
    is_bulk: bool = False
    # What only its recipient may read: a code, which cannot be written a second time, or a link by
    # which anybody could give the answer that it asks for.
    holds: Literal["code", "link"] | None = None
    # It goes to a line manager, of whom we know nothing but the address.
    is_to_manager: bool = False
    # The topic of the copy that the line manager gets, where the course asks for copies.
    copied_as: str = ""
    # How `booking.mail` composes it, if not as a notice about a booking.
    compose: Callable[..., Any] | None = None


_TOPICS: dict[str, MailTopic] = {}


def register(*topics: MailTopic) -> None:
    """Make topics known. Raises `ValueError` if one of them is known already."""
    for topic in topics:
        if topic.name in _TOPICS:
            raise ValueError(f"The topic {topic.name!r} is registered twice.")
        _TOPICS[topic.name] = topic


def composes(*names: str) -> Callable[[_Compose], _Compose]:
    """Say how topics are composed; of those that post them no room knows it."""

    def attach(compose: _Compose) -> _Compose:
        _TOPICS.update({name: replace(_TOPICS[name], compose=compose) for name in names})
        return compose

    return attach


def topic_of(name: str) -> MailTopic:
    """The topic of this name. One that nobody registered may hold a secret, for all we know."""
    return _TOPICS.get(name) or MailTopic(name, name, holds="link")


def registered_topics() -> list[MailTopic]:
    """Every topic that a room has registered."""
    return list(_TOPICS.values())
