"""A trainer who cannot come is replaced in one step: whoever stands in is told, or asked first."""

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction

from accounts.models import User
from booking.catalogue.models import Session, SessionEvent
from booking.places.changes import Change
from booking.places.lock import RuledSession, locked_session
from booking.places.refusals import PlaceRefused
from booking.places.rules.decision import check_ahead
from booking.scheduling import trainers
from booking.scheduling.changing import other_trainers
from booking.scheduling.models import CoverRequest
from booking.scheduling.telling import revise


class LedByOthers(PlaceRefused):
    """Who leads the session is not who was to be replaced, or stands in already."""

    sentence = "Somebody else has changed who leads this session. Look at it again."


class AskedAlready(PlaceRefused):
    """The person has not answered yet."""

    sentence = "This trainer has been asked already and has not answered yet."
    field = "cover"


class AnsweredAlready(PlaceRefused):
    """It is settled, or the session is not led any more by whom it was about."""

    sentence = "This is settled already: nobody is needed to stand in any more."


def replaced(leading: Sequence[User], ill: User, cover: User) -> list[User]:
    """Who leads a session once one trainer stands in for another."""
    return [cover if person == ill else person for person in leading]


def cover_changes(session: Session, ill: User, cover: User) -> list[Change]:
    """What people would be told if one trainer stood in for another."""
    leading = list(session.trainers.all())
    return other_trainers(leading, replaced(leading, ill, cover))


def replace_trainer(
    *,
    session: Session,
    ill: User,
    cover: User,
    tells_people: bool,
    note: str,
    by: User,
    now: datetime,
) -> None:
    """Have one trainer lead in the place of another, and tell both; people too, if so chosen.

    Raises `LedByOthers`, `SessionNotOpen` or `SessionStarted`.
    """
    with locked_session(session) as ruled:
        _swap(ruled, ill, cover, tells_people=tells_people, note=note, by=by, now=now)
        CoverRequest.objects.filter(session=session, instead_of=ill, answered_at=None).update(
            answered_at=now
        )


def ask_to_cover(
    *,
    session: Session,
    ill: User,
    cover: User,
    tells_people: bool,
    note: str,
    by: User,
    now: datetime,
) -> CoverRequest:
    """Ask a trainer to stand in; the other leads the session until they agree.

    Raises `AskedAlready`, `LedByOthers`, `SessionNotOpen` or `SessionStarted`.
    """
    with locked_session(session) as ruled:
        _check(ruled, ill, cover, now=now)
        request = CoverRequest(
            session=ruled.session,
            person=cover,
            instead_of=ill,
            by=by,
            asked_at=now,
            tells_people=tells_people,
        )
        try:
            with transaction.atomic():
                request.save()
        except IntegrityError as twice:
            raise AskedAlready from twice
        _record(ruled.session, f"Asked {cover} to stand in for {ill}", by=by, now=now)
        trainers.ask_to_cover(request, note=note, now=now)
    return request


def answer_cover(*, request: CoverRequest, agrees: bool, now: datetime) -> None:
    """The trainer who was asked agrees, and leads the session from now on, or does not.

    Raises `AnsweredAlready`, `SessionNotOpen` or `SessionStarted`.
    """
    with locked_session(request.session) as ruled:
        ask = CoverRequest.objects.select_related("person", "instead_of").get(pk=request.pk)
        if ask.answered_at is not None:
            raise AnsweredAlready
        if agrees:
            try:
                _swap(
                    ruled,
                    ask.instead_of,
                    ask.person,
                    tells_people=ask.tells_people,
                    note="",
                    by=ask.person,
                    now=now,
                )
            except LedByOthers as settled:
                raise AnsweredAlready from settled
        else:
            words = f"{ask.person} cannot stand in for {ask.instead_of}"
            _record(ruled.session, words, by=ask.person, now=now)
        about = CoverRequest.objects.filter(session=ruled.session, instead_of=ask.instead_of)
        answered = about if agrees else about.filter(pk=ask.pk)
        answered.filter(answered_at=None).update(answered_at=now)
        CoverRequest.objects.filter(pk=ask.pk).update(agreed=agrees)


def _check(ruled: RuledSession, ill: User, cover: User, *, now: datetime) -> list[User]:
    """Who leads the session now."""
    check_ahead(ruled.session, now=now)
    leading = list(ruled.session.trainers.all())
    if ill not in leading or cover in leading:
        raise LedByOthers
    return leading


def _swap(
    ruled: RuledSession,
    ill: User,
    cover: User,
    *,
    tells_people: bool,
    note: str,
    by: User,
    now: datetime,
) -> None:
    session = ruled.session
    leading = _check(ruled, ill, cover, now=now)
    changes = cover_changes(session, ill, cover)
    session.trainers.set(replaced(leading, ill, cover))
    revise(
        ruled,
        changes,
        led_before=leading,
        note=note,
        tells_people=tells_people,
        by=by,
        now=now,
    )


def _record(session: Session, what: str, *, by: User, now: datetime) -> None:
    SessionEvent.objects.create(session=session, at=now, by=by, what=what[:200])
