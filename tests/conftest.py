"""What every test relies on."""

import gc
import math
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import time_machine
from django.conf import settings
from django.core.cache import caches
from django.test import Client

# A case takes as long as a busy machine makes it take.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

_HERE = Path(__file__).parent
# What drives a browser, starts servers and programs, breaks them, races, reads with every parser,
# works through hundreds of cases or goes by chance. Single tests elsewhere are marked where they
# stand.
_SLOW = (
    "browser",
    "calendars/test_every_object.py",
    "calendars/test_histories.py",
    "calendars/test_hostile_events.py",
    "calendars/test_invitations.py",
    "catalogue/test_import_of_spreadsheets.py",
    "faults",
    "local/test_bootstrap.py",
    "local/test_demo.py",
    "local/test_load_sample.py",
    "local/test_servers.py",
    "mail/test_hostile_mail.py",
    "mail/test_reminders.py",
    "mail/test_wanted_reminders.py",
    "outbox/test_composing_faults.py",
    "outbox/test_server_trouble.py",
    "places/agency/test_exchange_race.py",
    "places/test_race.py",
    "replies/test_reading.py",
    "site/test_starting.py",
    "worker/test_celery_programs.py",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make test-quick` leaves out, before pytest asks for the marker."""
    slow = [_HERE / name for name in _SLOW]
    for item in items:
        if item.get_closest_marker("deep") or any(item.path.is_relative_to(each) for each in slow):
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish() -> None:
    """What was loaded and collected stays, so nobody looks through it for what could go."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def our_own_mailers(django_test_environment: None) -> None:
    """Send mail as in production: Django's test environment would swap it for a list in memory."""
    from booking.site import settings as as_written

    settings.MAILERS = as_written.MAILERS


@pytest.fixture(scope="session", autouse=True)
def emptied_quickly(django_test_environment: None) -> Iterator[None]:
    """After a test with transactions of its own, empty the tables that hold rows, and only those.

    Django would truncate them all and make every permission anew, which takes ten times as long.
    """
    from django.db import connection, transaction
    from django.test import TransactionTestCase

    kept = {"django_migrations", "django_content_type", "auth_permission"}

    def empty(self: TransactionTestCase) -> None:
        tables = sorted({*connection.introspection.django_table_names(only_existing=True)} - kept)
        with transaction.atomic(), connection.cursor() as cursor:
            # Programs that still write come to an end first, so that no row is left of theirs.
            cursor.execute(f"LOCK TABLE {', '.join(tables)}")
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(f"SELECT {', '.join(f'EXISTS (TABLE {each})' for each in tables)}")
            for table, is_filled in zip(tables, cursor.fetchone(), strict=True):
                if is_filled:
                    cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - a table of ours

    with pytest.MonkeyPatch.context() as patching:
        patching.setattr(TransactionTestCase, "_fixture_teardown", empty)
        yield


@pytest.fixture(autouse=True)
def nothing_kept(django_test_environment: None) -> None:
    """Start each test with no page kept from the one before, and a partnership as it is at first.

    That one is kept until a test changes it, so that no second passing adds a statement.
    """
    from booking.partnership import kept
    from booking.partnership.models import Partnership

    caches["pages"].clear()
    kept.keep(Partnership(), seconds=math.inf)


@pytest.fixture
def at_now() -> Iterator[None]:
    """The clock stands still at the `NOW` of the factories."""
    from tests.factories import NOW

    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def coordinator(db: None) -> Client:
    """A browser in which a coordinator is signed in."""
    from tests.factories import make_coordinator
    from tests.people import signed_in

    return signed_in(make_coordinator())


@pytest.fixture
def site(db: None) -> object:
    """The site that the table of access is tried on."""
    # Models can be imported only once Django is set up.
    from tests.access_site import make_site

    return make_site()
