"""What repeats itself in the log is said once, and again now and then."""

import logging

from worker.losing_redis import SECONDS_BETWEEN, NowAndThen


class Clock:
    """A clock that the test moves."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def record(words: str, *filled_in: object, level: int = logging.ERROR) -> logging.LogRecord:
    return logging.LogRecord("celery.beat", level, "beat.py", 1, words, filled_in, None)


def test_the_same_complaint_is_held_back_for_some_minutes_and_counted() -> None:
    clock = Clock()
    now_and_then = NowAndThen(clock=clock)
    first = record("Cannot reach %s\nand a stack", "one server")
    assert now_and_then.filter(first)
    assert first.getMessage() == "Cannot reach one server"
    for _ in range(3):
        clock.seconds += 1
        assert not now_and_then.filter(record("Cannot reach %s\nand a stack", "another server"))
    clock.seconds += SECONDS_BETWEEN
    again = record("Cannot reach %s\nand a stack", "one server")
    assert now_and_then.filter(again)
    assert again.getMessage() == "Cannot reach one server (and 3 times since it was last said)"


def test_other_complaints_and_mere_news_are_written_at_once() -> None:
    now_and_then = NowAndThen(clock=Clock())
    assert now_and_then.filter(record("One"))
    assert now_and_then.filter(record("Two"))
    for _ in range(2):
        assert now_and_then.filter(record("Sending a task", level=logging.INFO))


def test_words_with_a_percent_sign_are_written_as_they_are() -> None:
    said = record("Lost %s of what there was", "100%")
    assert NowAndThen(clock=Clock()).filter(said)
    assert said.getMessage() == "Lost 100% of what there was"
