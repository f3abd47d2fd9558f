"""People, and the agencies that employ them."""

from accounts.models.agencies import Agency, Sector
from accounts.models.people import PractitionerGroup, User
from accounts.models.records import AccessRecord, Remembered

__all__ = ["AccessRecord", "Agency", "PractitionerGroup", "Remembered", "Sector", "User"]
