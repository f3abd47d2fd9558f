"""What trainers are told of the sessions they lead: that they lead one, what changed, its end.

Plain notices without a calendar entry: a trainer's calendar feed follows the session by itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from accounts.models import User
from booking.catalogue.models import Session
from booking.outbox import posting as outbox
from booking.outbox.posting import Draft
from booking.outbox.topics import MailTopic, register
from booking.places.changes import Change, Matter
from booking.scheduling.models import CoverRequest
from booking.site.wording import sitting_times

ASSIGNED = "trainer.assigned"
CHANGED = "trainer.changed"
REMOVED = "trainer.removed"
CANCELLED = "trainer.cancelled"
ASKED = "trainer.asked"
TOPICS = (ASSIGNED, CHANGED, REMOVED, CANCELLED, ASKED)
register(
    MailTopic(ASSIGNED, "To a trainer: leads a session"),
    MailTopic(CHANGED, "To a trainer: a session changed"),
    MailTopic(REMOVED, "To a trainer: leads it no more"),
    MailTopic(CANCELLED, "To a trainer: a session is cancelled"),
    MailTopic(ASKED, "To a trainer: asked to stand in"),
)


def tell_of_publishing(session: Session, *, now: datetime) -> None:
    """A session was published: those who lead it learn so. In the caller's transaction."""
    _post(session, {ASSIGNED: session.trainers.all()}, {}, now=now)


def are_trainers_told(changes: Iterable[Change]) -> bool:
    """Whether trainers hear of these changes: of all but the join links of others."""
    return any(change.matter is not Matter.JOIN_LINK for change in changes)


def tell_of_change(
    session: Session,
    changes: Sequence[Change],
    *,
    led_before: Sequence[User],
    note: str = "",
    now: datetime,
) -> None:
    """A published session changed, perhaps also who leads it. In the caller's transaction."""
    if not are_trainers_told(changes):
        return
    leading = {person.pk: person for person in session.trainers.all()}
    before = {person.pk: person for person in led_before}
    people = {
        ASSIGNED: [person for key, person in leading.items() if key not in before],
        REMOVED: [person for key, person in before.items() if key not in leading],
        CHANGED: [person for key, person in leading.items() if key in before],
    }
    of_theirs = [each.as_payload() for each in changes if each.matter is not Matter.JOIN_LINK]
    told = {"changes": of_theirs, "note": note}
    _post(session, people, told, now=now)


def tell_of_end(session: Session, *, why: str, now: datetime) -> None:
    """A published session was cancelled, for this reason. In the caller's transaction."""
    _post(session, {CANCELLED: session.trainers.all()}, {"why": why}, now=now)


def facts_of(session: Session) -> dict[str, Any]:
    """What every mail to a trainer says of the session."""
    return {
        "session": session.pk,
        "reference": session.reference,
        "title": session.course.title,
        "where": session.where,
        "dates": [sitting_times(each.starts_at, each.ends_at) for each in session.sittings.all()],
    }


def ask_to_cover(cover: CoverRequest, *, note: str, now: datetime) -> None:
    """Ask a trainer to stand in. In the caller's transaction."""
    told = {"instead_of": str(cover.instead_of), "cover": cover.pk, "note": note}
    _post(cover.session, {ASKED: [cover.person]}, told, now=now, revision=f"cover {cover.pk}")


def _post(
    session: Session,
    people: Mapping[str, Iterable[User]],
    payload: dict[str, Any],
    *,
    now: datetime,
    revision: object = "",
) -> None:
    about = facts_of(session)
    outbox.post(
        [
            Draft(
                topic=topic,
                subject_key=f"session:{session.pk}",
                revision=f"{person.pk}.{revision or session.revision}",
                stream=f"trainer:{person.pk}:session:{session.pk}",
                to_email=person.email,
                recipient_id=person.pk,
                payload={"first_name": person.first_name, "name": person.full_name}
                | about
                | payload,
            )
            for topic, those in people.items()
            for person in those
        ],
        now=now,
    )
