"""What a session is to whoever reads a page: the places they could have, and their own booking."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A session as one reader sees it; an anonymous visitor is a reader too.

    `left` is how many places people like this reader could still have, `others` how many more are
    free but kept for `whom`. `is_limited` says that the most for one agency, not what is free,
    sets what is left. `mine` is the state of the reader's own live booking, and `booking_id` its
    key; empty if there is none.
    """

    left: int
    others: int = 0
    whom: str = ""
    is_limited: bool = False
    mine: str = ""
    booking_id: int | None = None
