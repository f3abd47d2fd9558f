"""The tables in the back office. What bookings depend on can only be looked at here."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import flatten
from django.db.models import Field, Model, QuerySet
from django.http import HttpRequest

from accounts.admin import BackOffice, ByRole, ReadOnly, level_question
from accounts.models import Sector
from booking.calendars.models import CalendarFeed
from booking.catalogue.models import Course, DiaryDate, Session, Sitting, Topic, Venue
from booking.outbox.models import Message, MessageEvent
from booking.places.events import BookingEvent
from booking.places.models import Booking
from booking.replies.models import CalendarReply
from booking.site.form_kit import ReminderDaysField


@admin.register(Topic)
class TopicPages(BackOffice):
    """Subjects; nothing hangs on one, so it may be deleted."""

    allowed = BackOffice.allowed | {"delete"}
    list_display = ["name", "slug"]
    search_fields = ["name"]
    prepopulated_fields = {"slug": ["name"]}


@admin.register(Course)
class CoursePages(BackOffice):
    """Courses: the title of one that exists changes under /manage/ only, where people are told."""

    list_display = ["code", "title", "kind", "level", "hours", "usual_capacity"]
    list_filter = ["kind", "level", "topics"]
    search_fields = ["code", "title"]
    filter_horizontal = ["topics", "prerequisites"]
    # What new sessions begin with is set under /manage/.
    exclude = [
        "usual_sittings",
        "usual_promotion",
        "usual_offer_hours",
        "usual_minimum",
        "usual_decide_days",
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """What invitations say of a course that exists."""
        return ["title"] if obj else []

    def formfield_for_dbfield(
        self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        """Sectors are ticked, not typed; the days of reminders are checked."""
        if db_field.name == "reminder_days":
            return ReminderDaysField()
        if db_field.name in ("level", "least_level"):
            return level_question(db_field)
        if db_field.name == "sectors":
            return forms.TypedMultipleChoiceField(
                choices=Sector.choices,
                required=False,
                widget=forms.CheckboxSelectMultiple,
                help_text=db_field.help_text,
            )
        return super().formfield_for_dbfield(db_field, request, **kwargs)


@admin.register(Venue)
class VenuePages(BackOffice):
    """Venues: name and address change under /manage/ only, where people are told."""

    list_display = ["name", "address"]
    search_fields = ["name", "address"]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """All that invitations say of a venue that exists."""
        return ["name", "address"] if obj else []


@admin.register(DiaryDate)
class DiaryDatePages(BackOffice):
    """Awareness days and weeks; nothing hangs on one, so it may be deleted."""

    allowed = BackOffice.allowed | {"delete"}
    list_display = ["title", "starts", "ends"]
    search_fields = ["title"]
    date_hierarchy = "starts"


class SittingRows(ByRole, admin.TabularInline):  # type: ignore[type-arg]
    """The dates of a session, to look at: they change under /manage/, where people are told."""

    allowed = frozenset({"view"})
    model = Sitting
    extra = 0


@admin.register(Session)
class SessionPages(BackOffice):
    """Sessions: they are scheduled, and changed in all that bookings depend on, under /manage/."""

    allowed = frozenset({"view", "change"})
    list_display = ["reference", "course", "starts_at", "state", "places_taken", "capacity"]
    list_filter = ["state", "delivery"]
    list_select_related = ["course"]
    search_fields = ["reference", "course__title", "course__code"]
    date_hierarchy = "starts_at"
    fields = [
        "reference",
        "course",
        "state",
        "delivery",
        "venue",
        ("starts_at", "ends_at"),
        ("capacity", "agency_limit"),
        ("places_taken", "waiting_count"),
        "promotion",
        "offer_hours",
        "booking_opens_at",
        "booking_closes_at",
        "policy",
        "trainers",
        "joining_instructions",
        "cancellation_reason",
        "revision",
        "changed_at",
    ]
    inlines = [SittingRows]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """All of it."""
        return flatten(self.fields)


@admin.register(Booking)
class BookingPages(ReadOnly):
    """Bookings."""

    whose = "person"
    list_display = ["id", "person", "session", "state", "booked_at"]
    list_filter = ["state"]
    list_select_related = ["person", "session__course"]
    search_fields = ["session__reference"]
    exclude = ["calendar_key", "join_key"]


@admin.register(BookingEvent)
class BookingEventPages(ReadOnly):
    """What happened to bookings."""

    whose = "booking.person"
    list_display = ["at", "booking", "what", "by", "why"]
    list_filter = ["what"]
    list_select_related = ["booking", "by"]
    search_fields = ["booking__session__reference"]
    ordering = ["-at", "-id"]


@admin.register(Message)
class MessagePages(ReadOnly):
    """Mail: whom it went to and how it fared. Its text can hold a sign-in code."""

    whose = "recipient"
    list_display = ["id", "topic", "to_email", "state", "created_at", "sent_at", "attempts"]
    list_filter = ["state", "topic"]
    search_fields = ["to_email", "subject_key"]
    ordering = ["-id"]
    exclude = ["mime", "payload"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        """Without the text of the mail."""
        return super().get_queryset(request).defer("mime", "payload")


@admin.register(MessageEvent)
class MessageEventPages(ReadOnly):
    """What happened to messages: who did what, and what mail servers reported."""

    whose = "message.recipient"
    list_display = ["at", "message_id", "what", "by", "why"]
    list_filter = ["what"]
    list_select_related = ["by"]
    search_fields = ["message__to_email"]
    ordering = ["-at", "-id"]


@admin.register(CalendarReply)
class CalendarReplyPages(ReadOnly):
    """What people answered in their calendars."""

    whose = "booking.person"
    list_display = ["at", "booking", "sitting", "partstat"]
    list_filter = ["partstat"]
    search_fields = ["booking__session__reference"]
    ordering = ["-id"]


@admin.register(CalendarFeed)
class CalendarFeedPages(ReadOnly):
    """Private calendar addresses: that they exist, never what they are."""

    whose = "person"
    list_display = ["person", "created_at", "revoked_at"]
    list_select_related = ["person"]
    search_fields = ["pk"]
    exclude = ["token_hash"]
