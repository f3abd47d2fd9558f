"""Materials of a course or a session: what there is, one more, one fewer, and telling people."""

from typing import Any

from django import forms
from django.db.models import F
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.datastructures import MultiValueDict

from accounts.access import desk
from accounts.views import signed_in
from booking.catalogue.models import Course
from booking.desk import questions
from booking.desk.queries import managed_session
from booking.materials.actions import (
    Owner,
    add_material,
    materials_of,
    news_of,
    remove_material,
    tell_of_news,
)
from booking.materials.files import MOST_BYTES, TAKEN, TYPES
from booking.materials.models import LINK_LENGTH, TITLE_LENGTH, Material
from booking.site.form_kit import Form
from booking.site.web import done, page, posted, refusals_shown
from booking.site.wording import in_mails


class MaterialForm(Form):
    """A file or a link, and who may open it."""

    title = forms.CharField(max_length=TITLE_LENGTH, help_text="What people read and press.")
    file = forms.FileField(
        label="File (optional)",
        required=False,
        help_text=f"A {TAKEN} file of {MOST_BYTES // 1_000_000} MB or less.",
        widget=forms.FileInput(attrs={"accept": ",".join(f".{ending}" for ending in TYPES)}),
        error_messages={"invalid": "Choose a file."},
    )
    link = forms.URLField(
        label="Or a link (optional)",
        required=False,
        max_length=LINK_LENGTH,
        assume_scheme="https",
        error_messages={"invalid": "Enter a whole address, such as https://www.gov.uk/guidance."},
    )
    last_day = questions.day_field(
        "Last day, if it is a recording (optional)",
        called="Last day",
        help_text="The link opens until the end of that day.",
    )
    audience = forms.ChoiceField(
        label="Who may open it?",
        choices=Material.Audience.choices,
        widget=forms.RadioSelect,
        initial=Material.Audience.BOOKED,
    )

    def __init__(self, data: QueryDict | None, files: MultiValueDict[str, Any] | None) -> None:
        super().__init__(data, files)

    def clean_title(self) -> str:
        """One line."""
        return " ".join(str(self.cleaned_data["title"]).split())

    def clean_link(self) -> str:
        """A page for browsers."""
        link = str(self.cleaned_data["link"])
        if link and not link.lower().startswith(("https://", "http://")):
            raise forms.ValidationError("The address must begin with https://.")
        return link

    def clean(self) -> dict[str, Any]:
        """A file or a link; a last day is of a link, and lies ahead."""
        cleaned: dict[str, Any] = super().clean() or {}
        last_day, file, link = (cleaned.get(name) for name in ("last_day", "file", "link"))
        if bool(file) == bool(link) and not {"file", "link"} & set(self.errors):
            self.add_error("file", "Choose a file or enter a link: one of the two.")
        elif self.errors and file:
            self.add_error("file", "Choose the file once more: a browser does not keep it.")
        if last_day and not link and "link" not in self.errors:
            self.add_error("last_day", "Only a link has a last day.")
        elif last_day and last_day < timezone.localdate():
            self.add_error("last_day", "Last day: enter a day that is not over.")
        return cleaned


@desk(post=60)
def of_session(request: HttpRequest, session_id: int) -> HttpResponse:
    """The materials of one session; those of its course stand beside them."""
    session = managed_session(session_id)
    of_course = materials_of(session.course)
    context = {"session": session, "course": session.course, "of_course": of_course}
    return _materials(request, session, context)


@desk(post=60)
def of_course(request: HttpRequest, course_id: int) -> HttpResponse:
    """The materials of a course, for all its sessions."""
    course = get_object_or_404(Course.objects.defer("search"), pk=course_id)
    return _materials(request, course, {"session": None, "course": course})


def _materials(request: HttpRequest, owner: Owner, context: dict[str, Any]) -> HttpResponse:
    """Show them; add one; or tell people of those that are new."""
    now, by = timezone.now(), signed_in(request)
    is_telling = request.POST.get("step") == "tell"
    typed = None if is_telling else posted(request)
    form = MaterialForm(typed, None if typed is None else request.FILES)
    context |= {"form": form, "refusal": None}
    if is_telling:
        with refusals_shown(context):
            shown = request.POST.get("shown", "")
            told = tell_of_news(owner=owner, shown=shown, by=by, now=now)
            mails = in_mails(len(told.told) - told.letters, told.letters)
            return done(request, f"{mails} on the way, one for each person.", request.path)
    elif form.is_valid():
        with refusals_shown(context, beside=form):
            added = add_material(owner=owner, **form.cleaned_data, by=by, now=now)
            questions.point_out_meetings(request, added.link)
            return done(request, f"{added.title} is added. Nobody is told yet.", request.path)
    news = news_of(owner, now=now)
    context |= {
        "materials": materials_of(owner).order_by(F("told_at").desc(nulls_first=True), "-pk"),
        "news": news,
        "people": len(news.told),
        "mails": in_mails(len(news.told) - news.letters, news.letters),
        "today": timezone.localdate(now),
    }
    return page(request, "desk/materials/materials.html", context)


@desk(post=60, only_post=True)
def remove(request: HttpRequest, material_id: int) -> HttpResponse:
    """Take one away, with its file."""
    materials = Material.objects.select_related("session", "course")
    found = get_object_or_404(materials.defer("course__search"), pk=material_id)
    title, session_id = found.title, found.session_id
    remove_material(material=found, by=signed_in(request), now=timezone.now())
    back = "manage_session_materials" if session_id else "manage_course_materials"
    return done(request, f"{title} is removed.", back, session_id or found.course_id)
