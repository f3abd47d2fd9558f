"""What Redis as a broker needs so that a worker outlives its connection.

When Redis goes away in the middle of a task, the task can be neither acknowledged nor given back
any more. kombu 5.7 tries both, on a channel that has lost its connection, and the `AttributeError`
that comes of it ends the worker. Nothing has to be done about such a task: beat asks again, and
Redis hands the old one out anew after the visibility timeout, when it has expired.
"""

from kombu.transport import redis


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


def use_channels_that_can_be_lost() -> None:
    """From now on, connections to Redis open these channels."""
    redis.Transport.Channel = Channel
