"""The report of a meeting beside the register: read, shown by person, saved by the trainer."""

import re
from datetime import datetime
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.datastructures import MultiValueDict

from accounts.access import looked_at, signed_in_page
from accounts.views import signed_in
from booking.attendance.lists import session_with_people
from booking.attendance.marking import Press, mark
from booking.attendance.meeting_report import MOST_BYTES, ReportRefused, read_report
from booking.attendance.models import Mark
from booking.attendance.recognising import Match, Recognised, expected_at, recognise
from booking.attendance.roster import roster_of
from booking.catalogue.models import Session, Sitting
from booking.site.form_kit import Form
from booking.site.readable import key_in
from booking.site.web import done, page, posted, refusals_shown
from booking.site.wording import counted, sitting_times

_PAIR = re.compile(r"(\d{1,18}):(\d{1,4})")
# As many boxes as a form may have, with room for the rest of it.
MOST_TO_CONFIRM = 250


class ReportForm(Form):
    """The report, and of which date it is."""

    sitting = forms.ChoiceField(label="Date")
    report = forms.FileField(
        label="Report of the meeting",
        help_text="The attendance report of Teams or the participants report of Zoom, as CSV.",
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,text/csv"}),
        error_messages={"invalid": "Choose the file of the report."},
    )

    def __init__(
        self,
        data: QueryDict | None,
        files: MultiValueDict[str, Any] | None,
        *,
        sittings: list[Sitting],
    ) -> None:
        super().__init__(data, files)
        self.by_key = {str(each.pk): each for each in sittings}
        choices = [
            (key, sitting_times(each.starts_at, each.ends_at)) for key, each in self.by_key.items()
        ]
        self.fields["sitting"].choices = choices  # type: ignore[attr-defined]
        self.initial["sitting"] = choices[-1][0] if choices else ""

    def clean_report(self) -> bytes:
        """The bytes of the file, one more than may be at most."""
        return bytes(self.cleaned_data["report"].read(MOST_BYTES + 1))


@signed_in_page(post=60)
def meeting_report(request: HttpRequest, session_id: int) -> HttpResponse:
    """Minutes of those who were in the meeting, proposed from its report; nothing is saved yet."""
    by, now = signed_in(request), timezone.now()
    session = session_with_people(by, session_id, now=now)
    sittings = [each for each in session.sittings.all() if each.starts_at <= now]
    if request.POST.get("step") == "save":
        return _saved(request, session, sittings, now=now)
    typed = posted(request)
    form = ReportForm(typed, None if typed is None else request.FILES, sittings=sittings)
    context: dict[str, Any] = {"session": session, "form": form, "sittings": sittings}
    context["refusal"] = None
    if form.is_valid():
        sitting = form.by_key[form.cleaned_data["sitting"]]
        try:
            report = read_report(form.cleaned_data["report"], of=sitting)
        except ReportRefused as refused:
            form.add_error("report", refused.sentence)
        else:
            found = recognise(report, expected_at(session), of=sitting)
            rows = len(found.sure) + len(found.to_confirm) + len(found.missing)
            looked_at(session, by=by, what="report of the meeting", rows=rows)
            context |= _shown(session, sitting, found)
            return page(request, "attendance/report_found.html", context)
    return page(request, "attendance/report.html", context)


def _shown(session: Session, sitting: Sitting, found: Recognised) -> dict[str, Any]:
    """What the report says of each, beside what the register says now."""
    roster = roster_of(session)
    at = roster.number_of(sitting)
    seen = {each.booking.pk: each.seen[at].in_words for each in roster.attendees}

    def rows(matches: list[Match]) -> list[tuple[Match, str, str]]:
        return [
            (each, f"{each.whom.booking.pk}:{each.minutes}", seen.get(each.whom.booking.pk, ""))
            for each in matches
            if each.whom.booking is not None
        ]

    sure = rows(found.sure)
    return {
        "sitting": sitting,
        "found": found,
        "sure": sure,
        "sure_pairs": ",".join(pair for _, pair, _ in sure),
        "to_confirm": rows(found.to_confirm[:MOST_TO_CONFIRM]),
    }


def _saved(
    request: HttpRequest, session: Session, sittings: list[Sitting], *, now: datetime
) -> HttpResponse:
    """Mark those whom the page showed as found, and those of the others who were confirmed."""
    key = key_in(request.POST.get("sitting", ""))
    sitting = next((each for each in sittings if each.pk == key), None)
    told = ",".join([request.POST.get("sure", ""), *request.POST.getlist("confirmed")])
    minutes = {int(booking): int(there) for booking, there in _PAIR.findall(told)}
    context: dict[str, Any] = {"session": session, "sittings": sittings, "refusal": None}
    context["form"] = ReportForm(None, None, sittings=sittings)
    if sitting is not None and minutes:
        length = int((sitting.ends_at - sitting.starts_at).total_seconds()) // 60
        presses = [
            Press(
                booking=booking,
                sitting=sitting.pk,
                what=Mark.What.ATTENDED if there else Mark.What.ABSENT,
                there=min(there, length),
            )
            for booking, there in minutes.items()
        ]
        with refusals_shown(context):
            source, by = Mark.Source.REPORT, signed_in(request)
            noted = mark(session=session, presses=presses, by=by, now=now, source=source)
            words = f"{counted(len(noted), 'person is', 'people are')} marked from the report."
            return done(request, words, "register", session.pk)
    return page(request, "attendance/report.html", context)
