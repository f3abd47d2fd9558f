"""Training done elsewhere: declared by practitioners, checked by coordinators."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.access import coordinators_only
from accounts.views import safe_next, signed_in
from booking.places import learning
from booking.places.learning_forms import CheckForm, DeclareForm
from booking.places.refusals import PlaceRefused
from booking.places.rule_models import PriorLearning
from booking.site.limits import at_most
from booking.site.wording import LONDON

_PER_PAGE = 30
SHOWN = {"declared": "To check", "verified": "Verified", "rejected": "Rejected"}


@never_cache
@login_required
@require_GET
def mine(request: HttpRequest) -> HttpResponse:
    """What a person has declared, and what became of it."""
    declared = PriorLearning.objects.filter(person=signed_in(request)).select_related("course")
    return render(request, "places/learning.html", {"declared": declared.defer("course__search")})


@never_cache
@at_most(60)
@login_required
def declare(request: HttpRequest) -> HttpResponse:
    """Say that a course was done elsewhere, then go on where one came from."""
    now = timezone.now()
    typed = request.POST if request.method == "POST" else None
    initial = {"course": request.GET.get("course", "")}
    form = DeclareForm(typed, initial=initial, today=now.astimezone(LONDON).date())
    if form.is_valid():
        try:
            learning.declare(person=signed_in(request), now=now, **form.cleaned_data)
        except PlaceRefused as refused:
            form.add_error("course", refused.sentence)
        else:
            title = form.cleaned_data["course"].title
            messages.success(request, f"Thank you. We have noted that you have done {title}.")
            return redirect(safe_next(request, reverse("learning")))
    context = {"form": form, "next": safe_next(request, "")}
    return render(
        request, "places/declare_learning.html", context, status=422 if form.errors else 200
    )


@never_cache
@coordinators_only
@require_GET
def to_check(request: HttpRequest) -> HttpResponse:
    """What people have declared, the oldest to be checked first."""
    show = request.GET.get("show", "")
    show = show if show in SHOWN else "declared"
    declared = PriorLearning.objects.filter(state=show).select_related("course", "person__agency")
    order = ("declared_at", "id") if show == "declared" else ("-checked_at", "-id")
    pages = Paginator(declared.defer("course__search").order_by(*order), _PER_PAGE)
    context = {
        "page_obj": pages.get_page(request.GET.get("page")),
        "show": show,
        "shown": SHOWN,
    }
    return render(request, "manage/learning.html", context)


@never_cache
@at_most(60)
@coordinators_only
def check(request: HttpRequest, declaration_id: int) -> HttpResponse:
    """Verify or reject one declaration."""
    found = PriorLearning.objects.select_related("course", "person__agency", "checked_by")
    declaration = get_object_or_404(found, pk=declaration_id)
    form = CheckForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        act = learning.reject if form.cleaned_data["rejects"] else learning.verify
        note = form.cleaned_data["note"]
        try:
            act(declaration=declaration, by=signed_in(request), now=timezone.now(), note=note)
        except PlaceRefused as refused:
            form.add_error(None, refused.sentence)
        else:
            done = "rejected" if form.cleaned_data["rejects"] else "verified"
            about = f"{declaration.course.title} of {declaration.person}"
            messages.success(request, f"{about} is {done}.")
            return redirect("manage_learning")
    context = {"declaration": declaration, "form": form}
    return render(
        request, "manage/check_learning.html", context, status=422 if form.errors else 200
    )
