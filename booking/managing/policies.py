"""Coordinators' pages about the rules of cancelling: list them, make new ones, replace them."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.access import coordinators_only
from booking.catalogue.models import CancellationPolicy
from booking.catalogue.policies import (
    AlreadyReplaced,
    PolicyNameTaken,
    UsedBy,
    create,
    new_version,
    used_by,
)
from booking.managing import queries
from booking.managing.policy_forms import PolicyForm
from booking.site.limits import at_most
from booking.site.wording import counted


@never_cache
@coordinators_only
@require_GET
def policies(request: HttpRequest) -> HttpResponse:
    """The newest version of each."""
    found = queries.policies_with_use(now=timezone.now())
    return render(request, "manage/policies.html", {"policies": found})


@never_cache
@at_most(60)
@coordinators_only
def new_policy(request: HttpRequest) -> HttpResponse:
    """Make rules that courses and sessions can then choose."""
    form = PolicyForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        name = form.cleaned_data["name"]
        try:
            create(name=name, terms=form.terms, now=timezone.now())
        except PolicyNameTaken as refused:
            form.add_error("name", refused.sentence)
        else:
            messages.success(request, f"{name} can now be chosen for courses and sessions.")
            return redirect("manage_policies")
    context = {"form": form}
    return render(request, "manage/policy.html", context, status=422 if form.errors else 200)


@never_cache
@at_most(60)
@coordinators_only
def policy_version(request: HttpRequest, policy_id: int) -> HttpResponse:
    """Replace rules by a newer version; shows first how much moves to it."""
    policy = get_object_or_404(CancellationPolicy, pk=policy_id)
    now = timezone.now()
    typed = request.POST if request.method == "POST" else None
    form = PolicyForm(typed, policy=policy)
    refusal = AlreadyReplaced() if policy.replaced_at else None
    if form.is_valid() and not refusal:
        try:
            newer, moved = new_version(policy=policy, terms=form.terms, now=now)
        except AlreadyReplaced as refused:
            refusal = refused
        else:
            words = f"{newer.name} is now version {newer.version}. {_moved(moved)}"
            messages.success(request, words)
            return redirect("manage_policies")
    context = {
        "form": form,
        "policy": policy,
        "refusal": refusal,
        "used": used_by(policy, now=now),
        "bookings": queries.bookings_promised(policy),
    }
    status = 409 if refusal and typed else 422 if form.errors else 200
    return render(request, "manage/policy.html", context, status=status)


def _moved(moved: UsedBy) -> str:
    courses = counted(moved.courses, "course")
    return f"{courses} and {counted(moved.sessions, 'upcoming session')} moved to it."
