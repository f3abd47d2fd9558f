"""Coordinators' pages about courses and groups of practitioners."""

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from accounts import agencies
from accounts.access import desk
from accounts.models import PractitionerGroup, User
from accounts.views import signed_in
from booking.catalogue.courses import EditRefused, GoesRound, add_course
from booking.catalogue.models import Course, Session
from booking.desk import preview, queries
from booking.desk.catalogue.course_forms import CourseForm, GroupForm, MembersForm
from booking.scheduling import corrections
from booking.site.web import page, paged, posted, search_text, searched
from booking.site.wording import counted

_PER_PAGE = 40
_MEMBERS_PER_PAGE = 100


@desk()
def courses(request: HttpRequest) -> HttpResponse:
    """Every course, with how many dates lie ahead."""
    search = search_text(request)
    ahead = Q(sessions__state=Session.State.PUBLISHED, sessions__starts_at__gt=timezone.now())
    found = Course.objects.defer("search").annotate(dates=Count("sessions", filter=ahead))
    found = searched(found, search, "title", "code").order_by("title", "pk")
    context = {"page_obj": paged(request, found, per_page=_PER_PAGE), "search": search}
    return render(request, "desk/catalogue/courses.html", context)


@desk(post=60)
def course(request: HttpRequest, course_id: int | None = None) -> HttpResponse:
    """A new course, or what one that exists asks of people; another title is shown, then told."""
    found = Course.objects.defer("search").prefetch_related("groups", "prerequisites")
    stored = get_object_or_404(found, pk=course_id) if course_id else None
    form = CourseForm(posted(request), course=stored)
    if form.is_valid() and request.POST.get("step") != "edit":
        try:
            if stored:
                return _changed(request, stored, form)
            add_course(plan=form.plan)
        except GoesRound as refused:
            form.add_error("prerequisites", refused.sentence)
        except corrections.CorrectedMeanwhile as refused:
            form.add_error(None, refused.sentence)
        except EditRefused as refused:
            form.add_error("code", refused.sentence)
        else:
            messages.success(request, f"{form.plan.title} is saved.")
            return redirect("manage_courses")
    context = {"form": form, "course": stored}
    return page(request, "desk/catalogue/course.html", context)


def _changed(request: HttpRequest, stored: Course, form: CourseForm) -> HttpResponse:
    """Show who would hear of another title, or do it. Raises `EditRefused`."""
    now = timezone.now()
    sessions = corrections.sessions_of(stored, now=now)
    changes = corrections.of_course(stored, form.plan)
    told = queries.who_hears(sessions, changes, now=now)
    if preview.must_be_shown(request, changes, told):
        back = reverse("manage_course", args=[stored.pk])
        return preview.preview(
            request,
            form=form,
            heading=stored.title,
            back=back,
            changes=changes,
            told=told,
        )
    corrections.change_course(course=stored, plan=form.plan, by=signed_in(request), now=now)
    words = preview.done_words(told)
    messages.success(request, f"{form.plan.title} is saved. {words}".strip())
    return redirect("manage_courses")


@desk(post=60)
def group_list(request: HttpRequest) -> HttpResponse:
    """Every group, and a new one."""
    form = GroupForm(posted(request))
    if form.is_valid():
        try:
            group = agencies.add_group(name=form.cleaned_data["name"])
        except agencies.GroupNameTaken as refused:
            form.add_error("name", refused.sentence)
        else:
            return redirect("manage_group", group.pk)
    members = PractitionerGroup.objects.annotate(number=Count("members")).order_by("name")
    context = {"groups": members, "form": form}
    return page(request, "desk/people/groups.html", context)


@desk(post=60)
def group(request: HttpRequest, group_id: int) -> HttpResponse:
    """One group: its members, and more of them by their addresses."""
    stored = get_object_or_404(PractitionerGroup, pk=group_id)
    form = MembersForm(posted(request))
    if form.is_valid():
        added = agencies.add_members(group=stored, text=form.cleaned_data["addresses"])
        done = f"{counted(added.number, 'member')} added."
        if not added.unknown:
            messages.success(request, done)
            return redirect("manage_group", stored.pk)
        form = MembersForm({"addresses": "\n".join(added.unknown)})
        nobody = "Nobody with this address has" if len(added.unknown) == 1 else "These have not"
        form.add_error("addresses", f"{done} {nobody} signed in yet, or it is mistyped.")
    members = stored.members.select_related("agency").order_by("last_name", "first_name", "pk")
    context = {
        "group": stored,
        "form": form,
        "page_obj": paged(request, members, per_page=_MEMBERS_PER_PAGE),
    }
    return page(request, "desk/people/group.html", context)


@desk(post=60, only_post=True)
def remove_member(request: HttpRequest, group_id: int, person_id: int) -> HttpResponse:
    """Take somebody out of a group."""
    stored = get_object_or_404(PractitionerGroup, pk=group_id)
    person = get_object_or_404(User, pk=person_id)
    agencies.remove_member(group=stored, person=person)
    messages.success(request, f"{person} is no longer a member.")
    return redirect("manage_group", stored.pk)
