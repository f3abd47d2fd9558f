"""The back office of people and agencies, and what every page of the back office allows.

It is entered only through the site's own sign-in.
"""

from operator import attrgetter
from typing import Any, ClassVar

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.utils import unquote
from django.contrib.auth.models import AnonymousUser, Group
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Field, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.access import looked_at
from accounts.actions import forget_second_step
from accounts.agency_proof import NOT_CONFIRMED
from accounts.models import AccessRecord, Agency, User
from accounts.roles import (
    GIVEN_BY_SUPERUSERS,
    LastSuperuser,
    keep_a_superuser,
    may_change_account,
    note_roles,
    reopen,
)
from booking.partnership.levels import names_of_levels
from booking.site.readable import key_in
from booking.site.wording import counted

# Before `admin.site.urls` is read, or Django's own password page would still be there.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign,no-untyped-call]
admin.site.site_header = admin.site.site_title = "Briefed back office"
admin.site.index_title = "What coordinators change now and then"
admin.site.site_url = "/manage/"


def may_use_back_office(person: User | AnonymousUser) -> bool:
    """Whether this person is a coordinator who was also let into the back office."""
    return bool(
        isinstance(person, User)
        and person.is_active
        and person.is_staff
        and (person.is_coordinator or person.is_superuser)
    )


class ByRole(BaseModelAdmin):  # type: ignore[type-arg]
    """What coordinators may do with the rows of a model: `allowed` says it, nobody may do more."""

    allowed: ClassVar[frozenset[str]] = frozenset()

    def _may(self, what: str, request: HttpRequest) -> bool:
        return what in self.allowed and may_use_back_office(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """It may be looked at."""
        return self._may("view", request)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Rows may be added."""
        return self._may("add", request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Rows may be changed."""
        return self._may("change", request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Rows may be deleted."""
        return self._may("delete", request)


# How the filters of Django's lists name what they ask; `list_filter` names columns only.
_FILTERS_ASK = ("", "__exact", "__isnull", "__id__exact")


class BackOffice(ByRole, admin.ModelAdmin):  # type: ignore[type-arg]
    """Coordinators may see and change; nobody deletes."""

    allowed = frozenset({"view", "add", "change"})
    # Where a row names the person whose data it is; empty where it is nobody's. Looks at such
    # rows, and at lists of them, go on record.
    whose: ClassVar[str] = ""
    list_per_page = 50
    show_full_result_count = False

    def has_module_permission(self, request: HttpRequest) -> bool:
        """The page is on the index."""
        return may_use_back_office(request.user)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Only what the filters of the list ask for.

        Django lets the address of a list ask any column how it begins: a password's hash, the text
        of a mail. Letter by letter that tells all of it.
        """
        return lookup in {
            *(f"{name}{ask}" for name in self.get_list_filter(request) for ask in _FILTERS_ASK),
            *(f"{self.date_hierarchy}__{part}" for part in ("year", "month", "day")),
        }

    def response_action(
        self, request: HttpRequest, *of_what: Any, **where: Any
    ) -> HttpResponse | None:
        """What is done with the ticked rows; nothing if what is ticked is no row."""
        ticked = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if any(key_in(key) is None for key in ticked):
            return None
        return super().response_action(request, *of_what, **where)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list; a look at people goes on record."""
        response = super().changelist_view(request, extra_context)
        shown = getattr(response, "context_data", None) or {}
        if self.whose and "cl" in shown:
            self._looked(request, None, rows=len(shown["cl"].result_list))
        return response

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """One row; a look at somebody's goes on record, whatever becomes of what was typed."""
        self._looked_at_row(request, object_id)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """What was changed of a row; the look goes on record too."""
        self._looked_at_row(request, object_id)
        return super().history_view(request, object_id, extra_context)

    def _looked_at_row(self, request: HttpRequest, object_id: str | None) -> None:
        row = self.get_object(request, unquote(object_id)) if self.whose and object_id else None
        if row is not None and self.has_view_permission(request, row):
            whose = row if isinstance(row, User) else attrgetter(self.whose)(row)
            self._looked(request, whose or row)

    def _looked(self, request: HttpRequest, about: Model | None, rows: int = 1) -> None:
        assert isinstance(request.user, User)  # noqa: S101
        what = f"back office: {self.opts.verbose_name}"[:40]
        looked_at(about, by=request.user, what=what, rows=rows)

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> "tuple[QuerySet[Any], bool]":
        """Rows of people who are found as on every other page, or that hold the words otherwise.

        People are not offered while somebody types: no page needs it, no record tells of it.
        """
        is_offered = request.resolver_match and request.resolver_match.url_name == "autocomplete"
        if self.whose and is_offered:
            raise PermissionDenied
        if not self.whose or not search_term:
            return super().get_search_results(request, queryset, search_term)
        people = User.objects.found_by(search_term).values("pk")
        path = "pk" if self.model is User else self.whose.replace(".", "__")
        of_people = Q(**{f"{path}__in": people})
        # Where people are all that is looked for, "pk" has the page show the box to type in.
        if self.search_fields != ["pk"]:
            told, _ = super().get_search_results(request, queryset.order_by(), search_term)
            of_people |= Q(pk__in=told.values("pk"))
        return queryset.filter(of_people), False

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        """Write only what was changed, so that a page left open puts nothing back."""
        if not change:
            obj.save()
            return
        columns = {field.name for field in obj._meta.concrete_fields}
        changed = [name for name in form.changed_data if name in columns]
        if changed:
            obj.save(update_fields=changed)


class ReadOnly(BackOffice):
    """May be looked at only: the actions of the site make and change the rows."""

    allowed = frozenset({"view"})


# Secrets of the second step, other people's sign-ins, and rights that our roles replace.
for _of_a_library in (EmailAddress, EmailConfirmation, Authenticator, UserSession, Group):
    if admin.site.is_registered(_of_a_library):
        admin.site.unregister(_of_a_library)


@admin.register(Agency)
class AgencyPages(ReadOnly):
    """Employers: they change under /manage/, after a proof, because their domains prove people."""

    list_display = ["name", "sector", "email_domains", "trainers_in_kind", "is_listed"]
    list_filter = ["sector", "is_listed", "trainers_in_kind"]
    search_fields = ["name"]


_ABOUT = ["job_title", "agency", "unlisted_agency", "manager_email", "phone"]
_LEAD = "is_agency_lead"
_ROLES = ["is_trainer", _LEAD, "is_coordinator", "is_staff"]


class UserForm(forms.ModelForm):  # type: ignore[type-arg]
    """A person; the last superuser stays one."""

    def clean(self) -> dict[str, Any]:
        """Nobody locks all superusers out, themselves included."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not all(cleaned.get(name, True) for name in ("is_active", "is_staff")):
            try:
                keep_a_superuser(self.instance)
            except LastSuperuser as refused:
                self.add_error(None, refused.sentence)
        return cleaned


def level_question(column: "Field[Any, Any]") -> forms.Field:
    """One of the partnership's levels; none for a column that may be empty."""
    none = [("", "---------")] if column.blank else []
    return forms.TypedChoiceField(
        choices=lambda: [*none, *names_of_levels()],
        coerce=int,
        empty_value=None,
        required=not column.blank,
        label=str(column.verbose_name).capitalize(),
        help_text=column.help_text,
    )


@admin.register(User)
class UserPages(BackOffice):
    """People: their roles change here, their addresses and sign-in do not.

    An account begins when somebody signs in. Superusers and people with a role are changed by
    superusers only; coordinators see them.
    """

    form = UserForm
    whose = "person"
    allowed = frozenset({"view", "change"})
    list_display = ["email", "first_name", "last_name", "agency", *_ROLES, "is_active"]
    list_filter = [*_ROLES, "is_active"]
    list_select_related = ["agency"]
    search_fields = ["pk"]
    autocomplete_fields = ["agency"]
    actions = ["forget_second_step"]
    readonly_fields = ["email", "date_joined", "last_login", "is_superuser"]
    fieldsets = [
        (None, {"fields": ["email", ("first_name", "last_name"), *_ABOUT]}),
        ("Roles", {"fields": [*_ROLES]}),
        ("Mail", {"fields": ["wants_reminders"]}),
        ("Account", {"fields": ["is_active", "is_superuser", "date_joined", "last_login"]}),
    ]

    def formfield_for_dbfield(
        self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        """A level is one of those there are."""
        if db_field.name == "level":
            return level_question(db_field)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """People with roles are changed by superusers."""
        may = super().has_change_permission(request, obj)
        if not may or not isinstance(obj, User):
            return may
        return isinstance(request.user, User) and may_change_account(obj, by=request.user)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """The desk and the back office are opened to somebody by superusers."""
        given = () if request.user.is_superuser else GIVEN_BY_SUPERUSERS
        return [*self.readonly_fields, *given]

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        """Whoever chooses an agency for somebody else, or its lead, confirms that they work there.

        Nobody is confirmed in no agency, or leads it. Roles that were given or taken stand in the
        log; a closed account opens signed out.
        """
        assert isinstance(obj, User)  # noqa: S101
        assert isinstance(request.user, User)  # noqa: S101
        changed = form.changed_data
        follows: dict[str, Any] = {}
        if obj.agency and ("agency" in changed or (obj.is_agency_lead and _LEAD in changed)):
            # With the agency that the page showed, or somebody chosen meanwhile would be confirmed.
            follows = {"agency": obj.agency, "unlisted_agency": ""}
            follows |= {"agency_confirmed_at": timezone.now(), "agency_confirmed_by": request.user}
        elif "agency" in changed and not obj.agency:
            follows = {**NOT_CONFIRMED, _LEAD: False}
        if obj == request.user and obj.agency:
            # Nobody's own word proves whom they work for.
            follows = dict(NOT_CONFIRMED) if "agency" in changed else {}
        for name, value in follows.items():
            setattr(obj, name, value)
        changed.extend(name for name in follows if name not in changed)
        super().save_model(request, obj, form, change)
        note_roles(obj, by=request.user, changed=changed)
        if "is_active" in changed and obj.is_active:
            reopen(obj)

    def has_superuser_permission(self, request: HttpRequest) -> bool:
        """Only a superuser weakens how somebody signs in."""
        return self.has_change_permission(request) and bool(request.user.is_superuser)

    @admin.action(
        description="Take away the second step of signing in (a lost phone)",
        permissions=["superuser"],
    )
    def forget_second_step(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """They sign in with a code by email; with a role they set up a second step anew."""
        assert isinstance(request.user, User)  # noqa: S101
        with transaction.atomic():
            for person in queryset:
                forget_second_step(person=person, by=request.user)
                self.log_change(request, person, "Took away the second step of signing in.")
        self.message_user(request, f"{counted(len(queryset), 'second step')} taken away.")


@admin.register(AccessRecord)
class AccessRecordPages(ReadOnly):
    """Who looked at other people's data."""

    whose = "whom"
    list_display = ["at", "by", "what", "whom", "about", "form", "rows"]
    list_filter = ["form"]
    list_select_related = ["by", "whom"]
    search_fields = ["about"]
