"""Who is answered what in the back office: a row a model."""

from collections.abc import Iterator, Mapping

from tests.access_table import Answer

# What coordinators who were let into the back office may do with the rows of each model there.
BACK_OFFICE: Mapping[str, frozenset[str]] = {
    "accounts_accessrecord": frozenset({"view"}),
    "accounts_agency": frozenset({"view"}),
    "accounts_user": frozenset({"view", "change"}),
    "booking_booking": frozenset({"view"}),
    "booking_bookingevent": frozenset({"view"}),
    "booking_calendarfeed": frozenset({"view"}),
    "booking_calendarreply": frozenset({"view"}),
    "booking_course": frozenset({"view", "add", "change"}),
    "booking_diarydate": frozenset({"view", "add", "change", "delete"}),
    "booking_message": frozenset({"view"}),
    "booking_messageevent": frozenset({"view"}),
    "booking_session": frozenset({"view", "change"}),
    "booking_topic": frozenset({"view", "add", "change", "delete"}),
    "booking_venue": frozenset({"view", "add", "change"}),
}
# Its pages that belong to no model, with what those who were let in are answered.
BACK_OFFICE_PAGES: Mapping[str, Answer] = {
    "index": 200,
    "app_list": 200,
    "jsi18n": 200,
    "autocomplete": 403,
    "view_on_site": 404,
    "login": 302,
    "logout": 200,
    "password_change": 302,
    "password_change_done": 200,
}
OF_A_LIST = ("changelist", "add")
OF_A_ROW = ("change", "history", "delete")


def names_of_back_office() -> Iterator[str]:
    """The names of all its addresses."""
    for model in BACK_OFFICE:
        yield from (f"admin:{model}_{page}" for page in OF_A_LIST + OF_A_ROW)
    yield from (f"admin:{page}" for page in BACK_OFFICE_PAGES)
