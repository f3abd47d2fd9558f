"""What a worker and beat need so that they outlive a Redis that goes away, and its return.

When Redis goes away in the middle of a task, the task can be neither acknowledged nor given back
any more. kombu 5.7 tries both, on a channel that has lost its connection, and the `AttributeError`
that comes of it ends the worker. Nothing has to be done about such a task: beat asks again, and
Redis hands the old one out anew after the visibility timeout, when it has expired.
"""

import logging
import math
import time
from collections.abc import Callable

from kombu.transport import redis

SECONDS_BETWEEN = 300.0


class Channel(redis.Channel):
    """A channel that leaves alone what it can no longer settle."""

    do_restore = False

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """As kombu's, unless the channel has been closed."""
        if not self.closed:
            super().basic_ack(delivery_tag, multiple)

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """As kombu's, unless the channel has been closed."""
        if not self.closed:
            super().basic_reject(delivery_tag, requeue)


class NowAndThen(logging.Filter):
    """Passes each warning or error once, and again only when some minutes have gone by.

    Two are the same if they are written from the same words, whatever is filled in. What is passed
    again says how often it was held back. Stacks of calls are left out: Celery puts its own into
    the text of every tick that cannot be sent.
    """

    def __init__(
        self, *, every: float = SECONDS_BETWEEN, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._every = every
        self._clock = clock
        # When each was last passed, and how often it was held back since.
        self._passed: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be written."""
        if record.levelno < logging.WARNING:
            return True
        words, now = str(record.msg), self._clock()
        last, held_back = self._passed.get(words, (-math.inf, 0))
        if now - last < self._every:
            self._passed[words] = (last, held_back + 1)
            return False
        self._passed[words] = (now, 0)
        record.msg = record.getMessage().split("\n")[0]
        if held_back:
            record.msg += f" (and {held_back} times since it was last said)"
        record.args, record.exc_info = None, None
        return True
