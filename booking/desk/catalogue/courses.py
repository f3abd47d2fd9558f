"""Coordinators’ pages about courses and groups of practitioners, and what they ask."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.core.validators import RegexValidator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from accounts import agencies
from accounts.access import desk, looked_at
from accounts.models import PractitionerGroup, Sector
from accounts.views import signed_in
from booking.catalogue.bounds import MOST_DATES, MOST_DECIDE_DAYS, MOST_RENEW_MONTHS
from booking.catalogue.courses import (
    CoursePlan,
    EditRefused,
    GoesRound,
    TopicGone,
    TopicNameTaken,
    add_course,
    remove_topic,
    store_topic,
)
from booking.catalogue.models import Course, Session, Topic
from booking.catalogue.policies import usual_policy
from booking.desk import audience, preview, questions
from booking.partnership.kept import the_partnership
from booking.partnership.levels import names_of_levels, works_of_levels
from booking.scheduling import corrections
from booking.site.counting import count_of
from booking.site.form_kit import MOST_MINUTES, Form, ReminderDaysField, whole_number_field
from booking.site.human_order import HumanOrder
from booking.site.readable import key_in
from booking.site.web import done, listed_page, page, paged, posted
from booking.site.wording import counted

_AUDIENCE_LENGTH = 300


def _number_of_date(typed: str) -> int:
    """The number of one date of a session. Raises `ValidationError`."""
    number = key_in(typed)
    if number is None or not 1 <= number <= MOST_DATES:
        raise forms.ValidationError(f"Enter numbers of dates from 1 to {MOST_DATES}, such as 1, 2.")
    return number


class CourseForm(questions.StoredForm):
    """A whole course, in the sections that the page shows."""

    title = forms.CharField(max_length=200)
    code = forms.CharField(
        max_length=20,
        help_text="Short and unique, such as SG1. It stands in addresses and references.",
        validators=[
            RegexValidator(
                r"\A[A-Za-z0-9][A-Za-z0-9_-]*\Z",
                "Use letters, figures and hyphens in the code, no spaces.",
            )
        ],
        widget=forms.TextInput(attrs={"class": "govuk-input--width-10", "spellcheck": "false"}),
    )
    kind = forms.ChoiceField(
        choices=Course.Kind.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Say what kind of course it is."},
    )
    level = forms.TypedChoiceField(
        label="Level of the course",
        choices=names_of_levels,
        coerce=int,
    )
    hours = forms.DecimalField(
        label="Length in hours",
        min_value=Decimal("0.1"),
        max_digits=4,
        decimal_places=1,
        widget=forms.NumberInput(attrs={"class": "govuk-input--width-4", "step": "0.5"}),
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_digits", "max_decimal_places",
             "max_whole_digits"),
            "Length: enter hours, such as 3 or 1.5.",
        ),
    )  # fmt: skip
    topics = forms.ModelMultipleChoiceField(
        label="Topics (optional)",
        queryset=Topic.objects.all(),
        required=False,
        widget=questions.small_boxes(),
        help_text="People filter the programme by them.",
    )
    summary = questions.text_field("Summary (optional)")
    learning_outcomes = questions.text_field(
        "Learning outcomes (optional)", help_text="What people can do afterwards, one a line."
    )
    reading = questions.text_field(
        "Reading (optional)",
        help_text="What to read before or after it. An address in it becomes a link.",
    )
    audience = forms.CharField(
        label="Who it is for, in words (optional)",
        required=False,
        max_length=_AUDIENCE_LENGTH,
        help_text="For people to read. It keeps nobody out.",
        error_messages={"max_length": f"Use {_AUDIENCE_LENGTH} characters or fewer."},
    )
    sectors = forms.MultipleChoiceField(
        label="Only for these sectors (optional)",
        choices=Sector.choices,
        required=False,
        widget=questions.small_boxes(),
        help_text="None chosen means all of them.",
    )
    least_level = forms.TypedChoiceField(
        label="Only for people who can say at least this of their work (optional)",
        choices=lambda: [("", "For everybody"), *works_of_levels()],
        coerce=int,
        empty_value=None,
        required=False,
    )
    groups = forms.ModelMultipleChoiceField(
        label="Only for members of these groups (optional)",
        queryset=PractitionerGroup.objects.all(),
        required=False,
        widget=questions.small_boxes(),
        help_text="Members of any of them may book. None chosen means everybody.",
    )
    prerequisites = forms.ModelMultipleChoiceField(
        label="Courses to be done first (optional)",
        queryset=Course.objects.none(),
        required=False,
        widget=questions.small_boxes(),
        help_text="All that are chosen, here or elsewhere.",
    )
    needs_manager_approval = forms.BooleanField(
        label="The line manager must agree to each booking", required=False
    )
    may_be_repeated = forms.BooleanField(
        label="People may book several dates of it without being asked whether they mean it",
        required=False,
    )
    usual_capacity = questions.places_field("Usual number of places")
    usual_agency_limit = questions.agency_limit_field()
    usual_policy = questions.policy_field()
    usual_sittings = whole_number_field("Dates of one session", 1, MOST_DATES, initial=1)
    usual_promotion = questions.promotion_field()
    usual_offer_hours = questions.offer_hours_field()
    usual_minimum = questions.places_field("Fewest people (optional)", required=False)
    usual_decide_days = whole_number_field(
        "Working days before, to decide whether it goes ahead", 1, MOST_DECIDE_DAYS
    )
    reminder_days = ReminderDaysField()
    remind_hour_before = forms.BooleanField(
        label="Remind an hour before online sessions", required=False
    )
    copies_manager = forms.BooleanField(
        label="Send the line manager a copy of confirmations, changes and cancellations",
        required=False,
    )
    renew_months = whole_number_field(
        "Months after which it is due again (optional)", 1, MOST_RENEW_MONTHS, required=False
    )
    must_attend = questions.ListQuestion(
        label="Dates that must be attended (optional)",
        help_text="Their numbers, such as 1, 2. Left empty, all of them.",
        read=_number_of_date,
    )
    part_after_minutes = whole_number_field(
        "Minutes missed of a date, beyond which it was attended in part (optional)",
        0,
        MOST_MINUTES,
        required=False,
        help_text="Left empty, there is no such rule.",
    )
    absent_after_minutes = whole_number_field(
        "Minutes missed of a date, beyond which it counts as absence (optional)",
        0,
        MOST_MINUTES,
        required=False,
        help_text="Left empty, there is no such rule.",
    )

    def __init__(self, data: QueryDict | None, *, course: Course | None) -> None:
        usual = Course(
            usual_capacity=the_partnership().usual_capacity,
            usual_policy=usual_policy(),
            part_after_minutes=the_partnership().usual_part_minutes,
            absent_after_minutes=the_partnership().usual_absent_minutes,
        )
        source = course or usual
        super().__init__(data, stored=course, usual=usual)
        others = Course.objects.defer("search").exclude(pk=source.pk)
        self.fields["prerequisites"].queryset = others  # type: ignore[attr-defined]
        policies = questions.policies_beside(source.usual_policy_id)
        self.fields["usual_policy"].queryset = policies  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """What is asked of every session fits its places."""
        cleaned: dict[str, Any] = super().clean() or {}
        capacity = cleaned.get("usual_capacity")
        for name, label in (("usual_minimum", "Fewest people"), ("usual_agency_limit", "")):
            if capacity and (cleaned.get(name) or 0) > capacity:
                words = f"there are only {capacity} places in all."
                self.add_error(name, f"{label}: {words}" if label else words.capitalize())
        return cleaned

    @property
    def plan(self) -> CoursePlan:
        """What was typed, once valid."""
        return CoursePlan(**self.cleaned_data)


class GroupForm(Form):
    """The name of a new group."""

    name = forms.CharField(
        max_length=150, error_messages={"required": "Enter the name of the group."}
    )


class TopicForm(Form):
    """The name of a topic."""

    name = forms.CharField(
        max_length=100, error_messages={"required": "Enter the name of the topic."}
    )


class MembersForm(Form):
    """Addresses of people to be added, pasted from anywhere."""

    addresses = forms.CharField(
        label="Add members",
        max_length=20_000,
        help_text="Paste their work email addresses, one a line or with commas between them. Only"
        " people who have signed in before can be added.",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        error_messages={
            "required": "Paste at least one address.",
            "max_length": "Paste fewer addresses at once.",
        },
    )


_MEMBERS_PER_PAGE = 100


@desk()
def courses(request: HttpRequest) -> HttpResponse:
    """Every course, with how many dates lie ahead."""
    ahead = Session.objects.upcoming(now=timezone.now())
    found = Course.objects.defer("search").annotate(dates=count_of(ahead, "course"))
    return listed_page(
        request,
        "desk/catalogue/courses.html",
        found,
        noun=("course", "courses"),
        new="manage_course_new",
        searched_by={"title": "title", "code": "code"},
    )


@desk(post=60)
def course(request: HttpRequest, course_id: int | None = None) -> HttpResponse:
    """A new course, or what one that exists asks of people; another title is shown, then told."""
    found = Course.objects.defer("search").prefetch_related("groups", "topics", "prerequisites")
    stored = get_object_or_404(found, pk=course_id) if course_id else None
    form = CourseForm(posted(request), course=stored)
    if form.is_valid() and request.POST.get("step") != "edit":
        try:
            if stored:
                return _changed(request, stored, form)
            add_course(plan=form.plan)
            _point_out_meetings(request, form.plan)
            return done(request, f"{form.plan.title} is saved.", "manage_courses")
        except GoesRound as refused:
            form.add_error("prerequisites", refused.sentence)
        except corrections.CorrectedMeanwhile as refused:
            form.add_error(None, refused.sentence)
        except EditRefused as refused:
            form.add_error("code", refused.sentence)
    context = {"form": form, "course": stored}
    return page(request, "desk/catalogue/course.html", context)


def _changed(request: HttpRequest, stored: Course, form: CourseForm) -> HttpResponse:
    """Show who would hear of another title, or do it. Raises `EditRefused`."""
    now = timezone.now()
    sessions = corrections.sessions_of(stored, now=now)
    changes = corrections.of_course(stored, form.plan)
    told = audience.who_hears(sessions, changes, now=now)
    if preview.must_be_shown(request, changes, told):
        return preview.preview(
            request, form=form, heading=stored.title, back=request.path, changes=changes, told=told
        )
    corrections.change_course(course=stored, plan=form.plan, by=signed_in(request), now=now)
    _point_out_meetings(request, form.plan)
    words = f"{form.plan.title} is saved. {preview.done_words(told)}".strip()
    return done(request, words, "manage_courses")


def _point_out_meetings(request: HttpRequest, plan: CoursePlan) -> None:
    texts = (plan.summary, plan.learning_outcomes, plan.reading, plan.audience)
    questions.point_out_meetings(request, *texts)


@desk(post=60)
def topics(request: HttpRequest) -> HttpResponse:
    """Every topic with how many courses have it, and a new one."""
    form = TopicForm(posted(request))
    if form.is_valid():
        try:
            kept = store_topic(topic=Topic(), **form.cleaned_data)
            return done(request, f"{kept.name} can now be chosen for courses.", "manage_topics")
        except TopicNameTaken as refused:
            form.add_error("name", refused.sentence)
    found = Topic.objects.annotate(number=Count("courses")).order_by(HumanOrder("name"))
    return page(request, "desk/catalogue/topics.html", {"topics": found, "form": form})


@desk(post=60)
def topic(request: HttpRequest, topic_id: int) -> HttpResponse:
    """Another name for a topic, or none any more: its courses stay."""
    stored = get_object_or_404(Topic.objects.annotate(number=Count("courses")), pk=topic_id)
    if request.POST.get("remove") == "sure":
        remove_topic(topic=stored)
        return done(request, f"{stored.name} is removed.", "manage_topics")
    if "remove" in request.POST:
        return page(request, "desk/catalogue/topic.html", {"topic": stored, "asks": True})
    form = TopicForm(posted(request), initial={"name": stored.name})
    if form.is_valid():
        try:
            kept = store_topic(topic=stored, **form.cleaned_data)
            return done(request, f"{kept.name} is saved.", "manage_topics")
        except (TopicNameTaken, TopicGone) as refused:
            form.add_error("name", refused.sentence)
    return page(request, "desk/catalogue/topic.html", {"topic": stored, "form": form})


@desk(post=60)
def group_list(request: HttpRequest) -> HttpResponse:
    """Every group, and a new one."""
    form = GroupForm(posted(request))
    if form.is_valid():
        try:
            return redirect("manage_group", agencies.add_group(name=form.cleaned_data["name"]).pk)
        except agencies.GroupNameTaken as refused:
            form.add_error("name", refused.sentence)
    groups = PractitionerGroup.objects.annotate(number=Count("members")).order_by(
        HumanOrder("name")
    )
    context = {"groups": groups, "form": form}
    return page(request, "desk/people/groups.html", context)


@desk(post=60)
def group(request: HttpRequest, group_id: int) -> HttpResponse:
    """One group: its members, and more of them by their addresses."""
    stored = get_object_or_404(PractitionerGroup, pk=group_id)
    form = MembersForm(posted(request))
    if form.is_valid():
        number, unknown = agencies.add_members(group=stored, text=form.cleaned_data["addresses"])
        words = f"{counted(number, 'member')} added."
        if not unknown:
            return done(request, words, "manage_group", stored.pk)
        one = "Nobody with this address has signed in yet, or it is mistyped."
        several = "Nobody with these addresses has signed in yet, or they are mistyped."
        nobody = one if len(unknown) == 1 else several
        if number:
            messages.success(request, words)
            messages.warning(request, f"{nobody} Correct what is left, or clear it.")
            form = MembersForm(None, initial={"addresses": "\n".join(unknown)})
        else:
            form.add_error("addresses", nobody)
    members = stored.members.select_related("agency")
    on_page = paged(request, members, per_page=_MEMBERS_PER_PAGE)
    looked_at(stored, by=signed_in(request), what="members of a group", rows=len(on_page))
    interested = stored.interested.select_related("agency")
    context = {"group": stored, "form": form, "page_obj": on_page, "interested": interested}
    return page(request, "desk/people/group.html", context)


@desk(post=60, only_post=True)
def remove_member(request: HttpRequest, group_id: int, person_id: int) -> HttpResponse:
    """Take somebody out of a group."""
    stored = get_object_or_404(PractitionerGroup, pk=group_id)
    person = get_object_or_404(stored.members, pk=person_id)
    looked_at(person, by=signed_in(request), what="group")
    agencies.remove_member(group=stored, person=person)
    return done(request, f"{person} is no longer a member.", "manage_group", stored.pk)
