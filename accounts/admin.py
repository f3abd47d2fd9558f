"""People and agencies in the back office."""

from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.actions import forget_second_step
from accounts.backoffice import BackOffice, take_out
from accounts.models import Agency, User
from booking.site.wording import counted

# Secrets of the second step, other people's sign-ins, and rights that our roles replace.
take_out(EmailAddress, EmailConfirmation, Authenticator, UserSession, Group)


@admin.register(Agency)
class AgencyPages(BackOffice):
    """Employers."""

    list_display = ["name", "sector", "email_domains", "trainers_in_kind", "is_listed"]
    list_filter = ["sector", "is_listed", "trainers_in_kind"]
    search_fields = ["name"]


@admin.register(User)
class UserPages(BackOffice):
    """People: their roles change here, their addresses and sign-in do not."""

    list_display = [
        "email",
        "first_name",
        "last_name",
        "agency",
        "is_trainer",
        "is_agency_lead",
        "is_coordinator",
        "is_staff",
        "is_active",
    ]
    list_filter = ["is_trainer", "is_agency_lead", "is_coordinator", "is_staff", "is_active"]
    list_select_related = ["agency"]
    search_fields = ["email", "first_name", "last_name"]
    ordering = ["last_name", "first_name", "pk"]
    autocomplete_fields = ["agency"]
    actions = ["forget_second_step"]
    readonly_fields = ["email", "date_joined", "last_login", "is_superuser"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "email",
                    ("first_name", "last_name"),
                    "job_title",
                    "agency",
                    "unlisted_agency",
                    "manager_email",
                    "phone",
                ]
            },
        ),
        ("Roles", {"fields": ["is_trainer", "is_agency_lead", "is_coordinator", "is_staff"]}),
        ("Mail", {"fields": ["wants_reminders"]}),
        ("Account", {"fields": ["is_active", "is_superuser", "date_joined", "last_login"]}),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """An account begins when somebody signs in."""
        return False

    def has_superuser_permission(self, request: HttpRequest) -> bool:
        """Only a superuser weakens how somebody signs in."""
        return self.has_change_permission(request) and bool(request.user.is_superuser)

    @admin.action(
        description="Take away the second step of signing in (a lost phone)",
        permissions=["superuser"],
    )
    def forget_second_step(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """They sign in with a code by email; with a role they set up a second step anew."""
        with transaction.atomic():
            for person in queryset:
                forget_second_step(person=person)
                self.log_change(request, person, "Took away the second step of signing in.")
        self.message_user(request, f"{counted(len(queryset), 'second step')} taken away.")
