"""The Celery application and its schedule: when each task is due, every second or more rarely.

    celery -A worker.celery worker        as many as wanted, on as many hosts
    celery -A worker.celery beat          exactly one

Redis carries wake-ups and nothing else. What is to be done stands in PostgreSQL, so a task that is
lost, repeated or late does no harm: the next one finds the same work. The schedule is static: what
varies are the rows that the tasks look for.
"""

import logging
import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "booking.site.settings")
# Celery runs Django's checks at every start, and some of them ask PostgreSQL for its version: a
# worker that starts while PostgreSQL does not answer would end instead of waiting for it.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

from celery import Celery
from celery.schedules import crontab
from celery.signals import setup_logging, worker_init
from django.conf import settings
from kombu.transport import redis

from worker.losing_redis import Channel, NowAndThen


def _every(seconds: float, task: str, *, expires: float) -> dict[str, Any]:
    """A task every so many seconds. One that nobody has taken after `expires` seconds is thrown
    away, so that a backlog of ticks cannot pile up while no worker runs."""
    return {"task": f"worker.tasks.{task}", "schedule": seconds, "options": {"expires": expires}}


def _nightly(minute: int, task: str) -> dict[str, Any]:
    """A task once a night, so many minutes past three; a worker that was down does it by nine."""
    return {
        "task": f"worker.tasks.{task}",
        "schedule": crontab(hour="3", minute=str(minute)),
        "options": {"expires": 6 * 3600},
    }


SCHEDULE: dict[str, dict[str, Any]] = {
    # The workers' clocks may differ by some seconds, so nothing expires sooner than in ten.
    "deliver messages": _every(1, "deliver_messages", expires=10),
    "work on uploads": _every(1, "work_on_uploads", expires=10),
    "post bulletins": _every(5, "post_bulletins", expires=20),
    # Workers may be busy delivering for a while; these must still be there when they have finished.
    "fill places": _every(10, "fill_places_everywhere", expires=60),
    "remind people": _every(60, "post_due_reminders", expires=300),
    "remind managers": _every(60, "remind_managers", expires=300),
    "tell of missing courses": _every(60, "tell_of_missing_courses", expires=300),
    "read replies": _every(60, "read_replies", expires=120),
    "watch the mail": _every(60, "watch_mail", expires=120),
    "make the digest": _every(600, "make_digest", expires=1800),
    "end interest": _every(60, "end_interest", expires=300),
    "complete sessions": _every(300, "complete_sessions", expires=900),
    "forget unfinished accounts": _nightly(10, "forget_unfinished_accounts"),
    "forget needs": _nightly(20, "forget_needs"),
    "forget texts": _nightly(30, "forget_texts"),
    "forget absences": _nightly(35, "forget_absences"),
    "forget ended sign-ins": _nightly(40, "forget_ended_sign_ins"),
}

redis.Transport.Channel = Channel

app = Celery("briefed", broker=settings.REDIS_URL, include=["worker.tasks"])
app.conf.update(
    timezone="Europe/London",
    beat_schedule=SCHEDULE,
    # The schedule is written here and every entry may be missed, so beat keeps no file, which a
    # crash could spoil.
    beat_scheduler="celery.beat:Scheduler",
    # Results are rows in the database; nobody asks Celery for them.
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    # A task whose worker dies is done by another one.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    # Longer than any task takes; a task that Redis hands out twice does no harm.
    task_soft_time_limit=300,
    broker_transport_options={
        "visibility_timeout": 600,
        # A network that swallows packets must not leave a worker deaf.
        "socket_timeout": 10,
        "socket_connect_timeout": 3,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "retry_on_timeout": True,
    },
    # Wait for Redis for ever, at the start and later.
    broker_connection_retry_on_startup=True,
    broker_connection_retry=True,
    broker_connection_max_retries=None,
    broker_channel_error_retry=True,
    # A tick that cannot be written is dropped at once: beat must be free for the next one.
    task_publish_retry=False,
    # What is under way when Redis goes is finished, not thrown away.
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    worker_send_task_events=False,
)


# Steps of the system's `nice`: a third as much of a processor as a web process that wants it too.
_GIVES_WAY = 5


@worker_init.connect
def give_way(**arguments: Any) -> None:
    """Work when no page is waiting: a mail may leave some milliseconds later."""
    mine = os.getpriority(os.PRIO_PROCESS, 0)
    # A worker that is loaded anew has what it had before.
    os.setpriority(os.PRIO_PROCESS, 0, max(mine, _GIVES_WAY))


@setup_logging.connect
def keep_our_logs(**arguments: Any) -> None:
    """Leave logging as the settings have it, and do not log every tick of the clock."""
    for name in ("celery.beat", "celery.app.trace", "celery.worker.strategy"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # While Redis is away, beat fails at every tick and the worker at every attempt to connect.
    for name in ("celery.beat", "celery.worker.consumer.consumer"):
        logging.getLogger(name).addFilter(NowAndThen())
