"""Agencies, practitioners and trainers: planned from the files, then written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password

from accounts.addresses import domain_of
from accounts.models import Agency, Sector, User
from booking.catalogue.importing import cells
from booking.catalogue.importing.batches import Batch, ImportCounts, set_fields
from booking.catalogue.importing.csv_files import Columns, Row, Sheet

AGENCIES = Columns(("name", "sector", "email_domains", "trainers_in_kind"))
PRACTITIONERS = Columns(
    ("email", "first_name", "last_name", "job_title", "agency", "manager_email")
)


class AgencyImport:
    """agencies.csv, by name."""

    def __init__(self, sheet: Sheet) -> None:
        self.is_whole = sheet.is_whole
        self.batch = Batch(Agency)
        self.tally = ImportCounts()
        self.by_name = {agency.name: agency for agency in Agency.objects.all()}
        in_file: set[str] = set()
        for row, name in sheet.keyed_rows("name", lambda row: " ".join(row.cells["name"].split())):
            wanted = {
                "sector": row.required("sector", cells.choice(Sector), Sector.OTHER.value),
                "email_domains": row.listed("email_domains", cells.each_once(cells.domain)),
                "trainers_in_kind": row.optional("trainers_in_kind", cells.flag, False),
            }
            row.required("name", cells.text(200), "")
            if name not in in_file:
                in_file.add(name)
                self._plan(name, wanted)

    def write(self) -> None:
        """Write them."""
        self.batch.write()

    def _plan(self, name: str, wanted: Mapping[str, Any]) -> None:
        found = self.by_name.get(name)
        changed: set[str] = set()
        if found is None:
            self.by_name[name] = self.batch.add_new(Agency(name=name, **wanted))
        else:
            changed = set_fields(found, wanted)
            self.batch.add_changed(found, changed)
        self.tally.count(is_new=found is None, is_changed=bool(changed))

    def read(self, row: Row, column: str) -> Agency | None:
        """The agency that a row of another file names."""
        name = row.required(column, cells.text(200), "")
        agency = self.by_name.get(name)
        if name and agency is None and self.is_whole:
            row.refuse(column, f'is "{name}", which is not an agency')
        return agency

    def by_domain(self, email: str) -> Agency | None:
        """The one listed agency at the address's domain; nothing if there are none or several."""
        domain = domain_of(email)
        there = [
            agency
            for agency in self.by_name.values()
            if agency.is_listed and domain in agency.email_domains
        ]
        return there[0] if len(there) == 1 else None


@dataclass
class PeopleImport:
    """Everybody whom practitioners.csv or sessions.csv names, by address."""

    agencies: AgencyImport
    now: datetime
    batch: Batch[User] = field(default_factory=lambda: Batch(User))
    addresses: Batch[EmailAddress] = field(default_factory=lambda: Batch(EmailAddress))
    practitioners: ImportCounts = field(default_factory=ImportCounts)
    trainers: ImportCounts = field(default_factory=ImportCounts)
    by_email: dict[str, User] = field(default_factory=dict)
    _addresses: dict[str, EmailAddress] = field(default_factory=dict)
    _with_primary: set[int] = field(default_factory=set)
    _seen_trainers: set[str] = field(default_factory=set)

    def load(self, emails: Iterable[str]) -> None:
        """Read who of these is known already, with their addresses."""
        wanted = list(emails)
        self.by_email = {person.email: person for person in User.objects.filter(email__in=wanted)}
        known = EmailAddress.objects.filter(email__in=wanted)
        self._addresses = {address.email: address for address in known}
        people = [person.pk for person in self.by_email.values()]
        primary = EmailAddress.objects.filter(user_id__in=people, primary=True)
        self._with_primary = set(primary.values_list("user_id", flat=True))

    def plan_practitioners(self, sheet: Sheet) -> None:
        """Every row of practitioners.csv."""
        in_file: set[str] = set()
        for row, key in sheet.keyed_rows("email", lambda row: row.cells["email"].lower()):
            email = row.required("email", cells.personal_email, key)
            wanted = {
                "first_name": row.required("first_name", cells.text(100), ""),
                "last_name": row.required("last_name", cells.text(100), ""),
                "job_title": row.required("job_title", cells.text(150), ""),
                "agency": self.agencies.read(row, "agency"),
                "unlisted_agency": "",
                "manager_email": row.optional("manager_email", cells.email, ""),
            }
            if email and email not in in_file:
                in_file.add(email)
                is_new, is_changed = self._plan(email, wanted, row=row, column="email")
                self.practitioners.count(is_new=is_new, is_changed=is_changed)

    def trainer(self, email: str, row: Row) -> User:
        """The person who leads a session, made a trainer; planned once, however often named.

        Somebody of whom the files say no more than the address is given a name made from it, and
        the agency if its domain is one agency's alone; they complete it when they first sign in.
        """
        person = self.by_email.get(email)
        if person is not None and email in self._seen_trainers:
            return person
        wanted: dict[str, Any] = {"is_trainer": True}
        if person is None:
            first, last = name_from_address(email)
            agency = self.agencies.by_domain(email)
            wanted |= {"first_name": first, "last_name": last, "agency": agency}
        is_new, is_changed = self._plan(email, wanted, row=row, column="trainer_email")
        self._seen_trainers.add(email)
        self.trainers.count(is_new=is_new, is_changed=is_changed)
        return self.by_email[email]

    def _plan(
        self, email: str, wanted: Mapping[str, Any], *, row: Row, column: str
    ) -> tuple[bool, bool]:
        """Plan a person and their verified address; returns whether new, and whether changed."""
        found = self.by_email.get(email)
        if found is None:
            made = User(email=email, password=make_password(None), date_joined=self.now, **wanted)
            self.by_email[email] = self.batch.add_new(made)
            self._plan_address(made, row=row, column=column)
            return True, False
        changed = set_fields(found, wanted)
        if found.pk:
            self.batch.add_changed(found, changed)
        address_changed = self._plan_address(found, row=row, column=column)
        return False, bool(changed) or address_changed

    def _plan_address(self, person: User, *, row: Row, column: str) -> bool:
        """Have the address count as verified, so that a code sent to it signs the person in."""
        found = self._addresses.get(person.email)
        if found is None:
            primary = person.pk not in self._with_primary
            self._addresses[person.email] = self.addresses.add_new(
                EmailAddress(user=person, email=person.email, verified=True, primary=primary)
            )
            return True
        if found._state.adding:
            return False
        if found.user_id != person.pk:
            row.refuse(column, f'is "{person.email}", an address of somebody else\'s account')
            return False
        changed = set_fields(found, {"verified": True})
        if person.pk not in self._with_primary:
            changed |= set_fields(found, {"primary": True})
        self.addresses.add_changed(found, changed)
        return bool(changed)

    def write(self) -> None:
        """Write people, then their addresses. Agencies are written by now."""
        self.batch.write()
        self.addresses.write()


def name_from_address(email: str) -> tuple[str, str]:
    """A first and last name from an address: jo.smith@ is Jo Smith, trainer6@ is Trainer 6."""
    local = email.partition("@")[0].partition("+")[0]
    spaced = "".join(letter if letter.isalnum() else " " for letter in local)
    plain = spaced.rstrip("0123456789 ")
    number = spaced[len(plain) :].strip()
    words = [word.capitalize() for word in plain.split()]
    if number:
        words.append(number)
    return (words[0] if words else "Trainer")[:100], " ".join(words[1:])[:100]
