"""What the beat asks for exists, and a backlog of it cannot pile up."""

from worker import tasks
from worker.celery import SCHEDULE, app


def test_every_entry_names_a_task_and_expires() -> None:
    for entry in SCHEDULE.values():
        assert entry["task"] in app.tasks
        assert entry["options"]["expires"] > 0
    assert app.conf.beat_schedule == SCHEDULE


def test_every_task_is_on_the_schedule() -> None:
    ours = {name for name in app.tasks if name.startswith("worker.tasks.")}
    assert ours == {entry["task"] for entry in SCHEDULE.values()}


def test_redis_hands_out_a_task_again_only_after_it_must_have_ended() -> None:
    visibility_timeout = app.conf.broker_transport_options["visibility_timeout"]
    assert tasks.DELIVERING_SECONDS < app.conf.task_soft_time_limit < visibility_timeout
