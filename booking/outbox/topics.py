"""What the topics of messages are called on pages."""

_WORDS = {
    "account.mail": "Sign-in code or account mail",
    "account.invited": "Account made by a colleague",
    "booking.confirmed": "Confirmation",
    "booking.promoted": "Confirmation from the waiting list",
    "booking.further_date": "Calendar entry of a further date",
    "booking.requested": "Place held for the manager’s agreement",
    "booking.not_agreed": "The manager did not agree",
    "booking.not_answered": "The manager did not answer",
    "approval.asked": "Question to the manager",
    "approval.reminder": "Reminder to the manager",
    "booking.waiting": "On the waiting list",
    "booking.invited": "Put in line ahead of newcomers",
    "booking.offered": "Offer of a place",
    "booking.offer_ended": "End of an offer",
    "booking.withdrawn": "Left the waiting list or took back a request",
    "booking.cancelled": "Cancellation",
    "booking.further_date_cancelled": "Calendar entry taken out",
    "booking.declined_in_calendar": "Declined in the calendar",
    "session.changed": "Change of the session",
    "session.cancelled": "Session cancelled",
    "reminder.days": "Reminder",
    "reminder.hour": "Reminder an hour before",
    "manager.confirmed": "Copy of the confirmation to the manager",
    "manager.changed": "Copy of the change to the manager",
    "manager.cancelled": "Copy of the cancellation to the manager",
    "course.new_date": "A new date of a course",
    "trainer.assigned": "To a trainer: leads a session",
    "trainer.changed": "To a trainer: a session changed",
    "trainer.removed": "To a trainer: leads it no more",
    "trainer.cancelled": "To a trainer: a session is cancelled",
}


def topic_words(topic: str) -> str:
    """The name of a topic; of one that has none, the topic itself."""
    return _WORDS.get(topic, topic)
