"""A trainer who is ill is replaced: shown first, then done; or somebody is asked to stand in."""

from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from accounts.access import desk
from accounts.models import User
from accounts.views import signed_in
from booking.catalogue.models import Session
from booking.desk import preview, queries
from booking.desk.audience import who_hears_of
from booking.desk.queries import managed_session
from booking.desk.questions import point_out_meetings_typed
from booking.desk.sessions.arrangements import AboutSession, note_field
from booking.places.news.drafts import EntryChanges
from booking.places.rules.decision import check_ahead
from booking.scheduling.covering import ask_to_cover, cover_changes, replace_trainer
from booking.scheduling.models import CoverRequest
from booking.site.web import done, page, posted, refusals_shown


class CoverForm(AboutSession):
    """Who cannot lead a session, who stands in, and who hears of it."""

    ill = forms.ModelChoiceField(
        label="Who cannot lead it?",
        queryset=User.objects.none(),
        widget=forms.RadioSelect,
        empty_label=None,
    )
    cover = forms.ModelChoiceField(
        label="Who stands in?", queryset=User.objects.none(), empty_label="Choose a trainer"
    )
    asks = forms.TypedChoiceField(
        label="Is that settled with them?",
        choices=[
            ("tell", "Yes: they lead it from now on, and are told so"),
            ("ask", "No: ask them by email, and change nothing until they agree"),
        ],
        coerce=lambda chosen: chosen == "ask",
        widget=forms.RadioSelect,
    )
    tells_people = forms.BooleanField(
        label="Tell people with a place, or whose place is held, who leads it now", required=False
    )
    note = note_field()

    def __init__(self, data: QueryDict | None, *, session: Session, now: datetime) -> None:
        super().__init__(data, session=session, now=now)
        leading = list(session.trainers.all())
        fields = cast(dict[str, Any], self.fields)
        fields["ill"].queryset = session.trainers.all()
        others = User.objects.filter(is_trainer=True, is_active=True).exclude(
            pk__in=[person.pk for person in leading]
        )
        fields["cover"].queryset = others.order_by("last_name", "first_name", "pk")
        if len(leading) == 1:
            self.initial["ill"] = leading[0].pk

    @property
    def plan(self) -> dict[str, Any]:
        """What was typed, once valid, but whether they are asked."""
        return {name: value for name, value in self.cleaned_data.items() if name != "asks"}


@desk(post=60)
def cover(request: HttpRequest, session_id: int) -> HttpResponse:
    """Replace a trainer in one step, or ask somebody to stand in."""
    session, now = managed_session(session_id), timezone.now()
    if session.state == Session.State.DRAFT:
        return redirect("manage_session_edit", session.pk)
    form = CoverForm(posted(request), session=session, now=now)
    context = {
        "session": session,
        "form": form,
        "refusal": None,
        "asked": CoverRequest.objects.open(now=now)
        .filter(session=session)
        .select_related("person", "instead_of"),
    }
    with refusals_shown(context, beside=form):
        check_ahead(session, now=now)
        if form.is_valid() and request.POST.get("step") != "edit":
            return _covered(request, session, form)
    return page(request, "desk/sessions/cover.html", context)


def _covered(request: HttpRequest, session: Session, form: CoverForm) -> HttpResponse:
    """Ask, or show who would be told, or do it. Raises `PlaceRefused`."""
    by, plan = signed_in(request), form.plan
    if form.cleaned_data["asks"]:
        point_out_meetings_typed(request, form)
        ask_to_cover(session=session, **plan, by=by, now=form.now)
        words = f"{plan['cover']} is asked. Until they agree, {plan['ill']} leads the session."
        return done(request, words, "manage_session", session.pk)
    changes = cover_changes(session, plan["ill"], plan["cover"])
    told = who_hears_of(
        session,
        changes if plan["tells_people"] else [],
        EntryChanges(),
        trainers=session.trainers.count() + 1,
        now=form.now,
    )
    if preview.must_be_shown(request, changes, told):
        led = replace(queries.PlannedSession.of(session), venue=None, trainers=[plan["cover"]])
        return preview.preview(
            request,
            form=form,
            heading=session.reference,
            back=reverse("manage_session", args=[session.pk]),
            changes=changes,
            told=told,
            session=session,
            trainers=[*session.trainers.all(), plan["cover"]],
            warnings=queries.warnings_of([led], of_days=False)[0],
        )
    replace_trainer(session=session, **plan, by=by, now=form.now)
    words = f"{plan['cover']} leads the session now. {preview.done_words(told)}"
    return done(request, words, "manage_session", session.pk)
