"""`manage.py load_sample`: the sample programme, for the demo."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from booking.local import SIGN_IN_AS
from booking.local.sample_programme import AlreadyLoaded, load_sample


class Command(BaseCommand):
    """Loads it once; a second run changes nothing."""

    help = "Load the sample programme with people and bookings, unless there are sessions already."

    def handle(self, *args: Any, **options: Any) -> None:
        """Load and say what there is, and whom to sign in as."""
        try:
            loaded = load_sample(now=timezone.now())
        except AlreadyLoaded:
            self.stdout.write("There are sessions already: nothing was changed.")
        else:
            self.stdout.write(
                f"{loaded.sessions} sessions, {loaded.people} people, {loaded.places_taken} places"
                f" taken, {loaded.waiting} people waiting."
            )
        self.stdout.write("Sign in as:")
        for role, address in SIGN_IN_AS.items():
            self.stdout.write(f"  {role:12}  {address}")
