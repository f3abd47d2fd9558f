"""When each task is due. Static: what varies are the rows that the tasks look for."""

from typing import Any

from celery.schedules import crontab


def _every(seconds: float, task: str, *, expires: float) -> dict[str, Any]:
    """A task every so many seconds. One that nobody has taken after `expires` seconds is thrown
    away, so that a backlog of ticks cannot pile up while no worker runs."""
    return {"task": f"worker.tasks.{task}", "schedule": seconds, "options": {"expires": expires}}


SCHEDULE: dict[str, dict[str, Any]] = {
    # The workers' clocks may differ by some seconds, so nothing expires sooner than in ten.
    "deliver messages": _every(1, "deliver_messages", expires=10),
    # Workers may be busy delivering for a while; these must still be there when they have finished.
    "fill places": _every(10, "fill_places_everywhere", expires=60),
    "remind people": _every(60, "post_due_reminders", expires=300),
    "remind managers": _every(60, "remind_managers", expires=300),
    "read replies": _every(60, "read_replies", expires=120),
    "watch the mail": _every(60, "watch_mail", expires=120),
    "end interest": _every(60, "end_interest", expires=300),
    "complete sessions": _every(300, "complete_sessions", expires=900),
    "forget unfinished accounts": {
        "task": "worker.tasks.forget_unfinished_accounts",
        "schedule": crontab(hour="3", minute="10"),
        "options": {"expires": 6 * 3600},
    },
}
