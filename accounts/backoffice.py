"""Who may do what in the back office: the base of every page there."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model
from django.http import HttpRequest

from accounts.models import User


def may_use_back_office(person: User | AnonymousUser) -> bool:
    """Whether this person is a coordinator who was also let into the back office."""
    return bool(
        isinstance(person, User)
        and person.is_active
        and person.is_staff
        and (person.is_coordinator or person.is_superuser)
    )


class BackOffice(admin.ModelAdmin):  # type: ignore[type-arg]
    """Coordinators may see and change; nobody deletes."""

    list_per_page = 50
    show_full_result_count = False

    def has_module_permission(self, request: HttpRequest) -> bool:
        """The page is on the index."""
        return may_use_back_office(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """It may be looked at."""
        return may_use_back_office(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Rows may be added."""
        return may_use_back_office(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Rows may be changed."""
        return may_use_back_office(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Rows are kept."""
        return False

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
    """May be looked at only."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Rows are made by the actions of the site."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Rows are changed by the actions of the site."""
        return False


def take_out(*others: Any) -> None:
    """Take models that libraries register out of the back office."""
    for model in others:
        if admin.site.is_registered(model):
            admin.site.unregister(model)
