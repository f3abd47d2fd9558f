"""The tasks: each reads the clock and calls one room."""

from datetime import timedelta
from functools import cache
from typing import Any

from celery.signals import worker_process_shutdown
from django.utils import timezone

from accounts import actions as accounts
from booking.catalogue.importing import uploads
from booking.mail import reminders
from booking.mail.composing import compose
from booking.outbox import watch
from booking.outbox.delivery import deliver
from booking.outbox.smtp import SmtpConnection
from booking.places import prerequisites
from booking.places.managers import asking
from booking.places.sweep import sweep
from booking.privacy import forgetting
from booking.replies import reading
from booking.scheduling import demand, drafting
from worker.celery import app

# How long one task goes on delivering, so that the others get their turn.
DELIVERING_SECONDS = 20


@cache
def _post() -> SmtpConnection:
    """This process's connection to the mail server, kept from task to task."""
    return SmtpConnection()


@worker_process_shutdown.connect
def _hang_up(**arguments: Any) -> None:
    if _post.cache_info().currsize:
        _post().close()


@app.task
def deliver_messages() -> None:
    """Send what is due, until nothing is or the time is over."""
    until = timezone.now() + timedelta(seconds=DELIVERING_SECONDS)
    while deliver(compose=compose, post=_post(), until=until) and timezone.now() < until:
        pass


@app.task
def work_on_uploads() -> None:
    """Read or import the files that coordinators have uploaded."""
    uploads.work_on_uploads(now=timezone.now())


@app.task
def fill_places_everywhere() -> None:
    """Give free places to those who wait, and take back offers that ran out."""
    sweep(now=timezone.now())


@app.task
def post_due_reminders() -> None:
    """Remind people of what is near."""
    reminders.post_due_reminders(now=timezone.now())


@app.task
def remind_managers() -> None:
    """Remind managers who have not answered."""
    asking.remind(now=timezone.now())


@app.task
def tell_of_missing_courses() -> None:
    """Tell people who have lost their place on a course that comes before another."""
    prerequisites.tell_of_missing(now=timezone.now())


@app.task
def read_replies() -> None:
    """Act on answers of calendars and on reports of mail servers."""
    reading.read_replies()


@app.task
def watch_mail() -> None:
    """Warn in the log while mail does not leave, or a domain refuses it."""
    watch.warn_if_late(now=timezone.now())
    watch.warn_of_refusals(now=timezone.now())


@app.task
def complete_sessions() -> None:
    """Mark what is over."""
    drafting.complete_sessions(now=timezone.now())


@app.task
def end_interest() -> None:
    """End the wish to hear of new dates of those who have got a place."""
    demand.end_fulfilled(now=timezone.now())


@app.task
def forget_unfinished_accounts() -> None:
    """Delete accounts that were begun and never confirmed."""
    accounts.forget_unfinished_accounts(now=timezone.now())


@app.task
def forget_needs() -> None:
    """Blank what people needed at sessions that are long over, and who came as a guest."""
    forgetting.forget_needs(now=timezone.now())
    forgetting.forget_guests(now=timezone.now())


@app.task
def forget_absences() -> None:
    """Blank why people did not come, long after it was settled."""
    forgetting.forget_absences(now=timezone.now())


@app.task
def forget_texts() -> None:
    """Forget what mail said that was sent long ago."""
    forgetting.forget_texts(now=timezone.now())


@app.task
def forget_ended_sign_ins() -> None:
    """Delete sign-ins that are over."""
    forgetting.forget_ended_sign_ins(now=timezone.now())
