"""How much is tried: the whole of it, or as much as a check on every change can wait for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Numbers of rounds, kills and messages; outages in seconds; minutes between looks."""

    race_rounds: int
    kills_at_random: int
    kills_around_reply: int
    kills_in_bulletin: int
    readers_of_bulletin: int
    redis_away: float
    redis_silent: float
    messages_waiting: int
    mail_outage: float
    minutes_between_reminders: int
    deep_tests: bool


FULL = Scale(
    race_rounds=20,
    kills_at_random=100,
    kills_around_reply=20,
    kills_in_bulletin=20,
    readers_of_bulletin=3_000,
    redis_away=300,
    redis_silent=60,
    messages_waiting=1_000,
    mail_outage=60,
    minutes_between_reminders=15,
    deep_tests=True,
)
SHORT = Scale(
    race_rounds=2,
    kills_at_random=12,
    kills_around_reply=4,
    kills_in_bulletin=3,
    readers_of_bulletin=500,
    redis_away=20,
    redis_silent=12,
    messages_waiting=150,
    mail_outage=12,
    minutes_between_reminders=60,
    deep_tests=False,
)
