"""What mail servers tell us about a message after they accepted it."""

from datetime import datetime

from django.db import transaction

from booking.outbox.models import Message, MessageEvent

_LONGEST_REASON = 500


def find_by_message_id(message_id: str) -> Message | None:
    """The message that carries this Message-ID, or carried it until its address was corrected."""
    current = Message.objects.defer("mime").filter(message_id=message_id).first()
    if current is not None:
        return current
    former = (
        MessageEvent.objects.filter(former_message_id=message_id).select_related("message").first()
    )
    return former.message if former else None


def record_report(
    *, message: Message, message_id: str, is_final: bool, reason: str, now: datetime
) -> None:
    """Note that a message came back for good, or is late on its way.

    A report about what it was before its address was corrected is noted and changes nothing.
    """
    What = MessageEvent.What
    with transaction.atomic():
        fresh = Message.objects.select_for_update().defer("mime").get(pk=message.pk)
        is_about_this = fresh.message_id == message_id
        if is_final and is_about_this and fresh.state == Message.State.SENT:
            fresh.bounced_at, fresh.last_error = now, reason[:_LONGEST_REASON]
            fresh.save(update_fields=["bounced_at", "last_error"])
        MessageEvent.objects.create(
            message=fresh,
            at=now,
            what=What.CAME_BACK if is_final else What.DELAYED,
            why=reason[:_LONGEST_REASON],
            former_message_id=message_id,
        )
