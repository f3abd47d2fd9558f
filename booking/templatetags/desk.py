"""What pages of lower rooms show of the mail: counts for the desk, and lines for a booking."""

from django import template
from django.utils import timezone

from accounts.failing_mail import people_whose_mail_fails
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.programme.sent_mail import MailAbout
from booking.programme.sent_mail import mail_sent_about as find_mail_about
from booking.replies.models import CalendarReply, mail_to_read

register = template.Library()


@register.simple_tag
def mail_to_be_read() -> int:
    """How many mails of the reply mailbox somebody must read. Costs one statement."""
    return mail_to_read().count()


@register.simple_tag
def addresses_that_fail() -> int:
    """How many people mail does not reach. Costs one statement."""
    return people_whose_mail_fails().count()


@register.simple_tag
def managers_to_confirm() -> int:
    """How many managers' addresses a coordinator must confirm. Costs one statement."""
    return Approval.objects.to_confirm(now=timezone.now()).count()


@register.simple_tag
def mail_about(booking: Booking) -> MailAbout:
    """The mail about a booking. Costs one statement."""
    return find_mail_about(booking)


@register.simple_tag
def calendar_answers(booking: Booking) -> list[CalendarReply]:
    """The last answer from the person's calendar to each date, by date. Costs one statement."""
    answers = CalendarReply.objects.filter(booking=booking).select_related("sitting")
    last = {answer.sitting_id: answer for answer in answers}
    return sorted(last.values(), key=lambda answer: answer.sitting_id or 0)
