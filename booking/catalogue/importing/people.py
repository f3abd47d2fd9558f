"""Agencies, practitioners and trainers: planned from the files, then written.

No file gives or widens a role: a trainer is named for a session and made a trainer on the desk, and
the agency of somebody who leads one is neither changed nor confirmed.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress

from accounts.addresses import PUBLIC_MAIL, as_stored, domain_of, same_mailbox
from accounts.agencies import OwnAgency
from accounts.agency_proof import NOT_CONFIRMED
from accounts.models import Agency, PractitionerGroup, Sector, User
from accounts.roles import may_change_account
from booking.catalogue.importing import cells
from booking.catalogue.importing.batches import ByName, Table, link
from booking.catalogue.importing.fields import Field, columns_of, note_changes, says, wanted_by
from booking.catalogue.importing.sheets import Row, Sheet

_AGENCY_FIELDS = (
    Field("sector", "sector", cells.choice(Sector), is_needed=True),
    Field("email_domains", "email_domains", cells.each_once(cells.domain), ()),
    Field("trainers_in_kind", "trainers_in_kind", cells.flag, False),
)
_MORE_AGENCY_FIELDS = (
    Field("annual_turnover", "annual_turnover_pence", cells.pence, write=cells.in_pounds),
    Field("listed", "is_listed", cells.flag, True),
)
AGENCY_FIELDS = (*_AGENCY_FIELDS, *_MORE_AGENCY_FIELDS)
AGENCIES = columns_of(
    ["name", *(each.column for each in _AGENCY_FIELDS)],
    [each.column for each in _MORE_AGENCY_FIELDS],
)
_NAME_FIELDS = (
    Field("first_name", "first_name", cells.name(100), is_needed=True),
    Field("last_name", "last_name", cells.name(100), is_needed=True),
    Field("job_title", "job_title", cells.name(150), is_needed=True),
)
_MANAGER = Field("manager_email", "manager_email", cells.email, "")
_MORE_FIELDS = (
    Field("phone", "phone", cells.phone, ""),
    Field("level", "level", cells.level_number),
)
PERSON_FIELDS = (*_NAME_FIELDS, _MANAGER, *_MORE_FIELDS)
PRACTITIONERS = columns_of(
    ["email", *(each.column for each in _NAME_FIELDS), "agency", "manager_email"],
    [*(each.column for each in _MORE_FIELDS), "groups", "confirmed"],
)
_AGENCY = Field("agency", "agency", str)


class AgencyImport:
    """agencies.csv, by name."""

    def __init__(self, sheet: Sheet) -> None:
        self._is_whole = sheet.is_whole
        stored = ByName((each.name, each) for each in Agency.objects.order_by("pk"))
        self.table, self._by_name = Table(Agency, stored), stored
        for row, name in sheet.keyed_rows("name", lambda row: stored.key(row.cells["name"])):
            row.required("name", cells.text(200), "")
            if name in self.table.named:
                continue
            wanted = wanted_by(row, AGENCY_FIELDS, found=self.table.rows.get(name))
            if "email_domains" in wanted:
                wanted["email_domains"] = list(wanted["email_domains"])
            differs = self.table.put(name, wanted, name=name)
            agency, is_new = self.table.rows[name], name in self.table.new
            note_changes(row, AGENCY_FIELDS, differs, agency, new=is_new)

    def read(self, row: Row, column: str) -> Agency | None:
        """The agency that a row of another file names."""
        name = row.required(column, cells.text(200), "")
        agency = self.named(name)
        if name and agency is None and self._is_whole:
            row.refuse(column, f'is "{name}", which is not an agency')
        return agency

    def named(self, name: str) -> Agency | None:
        """The agency of this name, stored or in the file."""
        return self._by_name.get(self._by_name.key(name))

    def by_domain(self, email: str) -> Agency | None:
        """As `accounts.agency_proof.agency_at`, of the agencies of the files too."""
        domain = domain_of(email)
        if domain in PUBLIC_MAIL:
            return None
        there = [each for each in self.table.rows.values() if domain in each.email_domains]
        return there[0] if len(there) == 1 and there[0].is_listed else None


def _groups_of(person: Any) -> list[PractitionerGroup]:
    return list(person.practitioner_groups.all()) if person is not None else []


class Groups:
    """Groups of practitioners, by name: whom a course is kept for, and who belongs to them."""

    def __init__(self) -> None:
        self._by_name = ByName(
            (each.name, each) for each in PractitionerGroup.objects.order_by("pk")
        )

    def read(self, row: Row, stored: Iterable[PractitionerGroup]) -> list[PractitionerGroup] | None:
        """What the row's cell names; nothing if that is stored, or there is no such column."""
        before = cells.in_one_cell(each.name for each in stored)
        if "groups" not in row.cells or says(row, "groups", before):
            return None
        found: dict[str, PractitionerGroup] = {}
        for name in row.listed("groups", cells.each_once(cells.text(150))):
            key = self._by_name.key(name)
            if key in self._by_name:
                found[key] = self._by_name[key]
            else:
                row.refuse("groups", f'has "{name}", which is not a group of practitioners')
        if set(found.values()) == set(stored):
            return None
        row.becomes(new=False, groups=(before, cells.in_one_cell(found)))
        return list(found.values())


class PeopleImport:
    """Everybody whom practitioners.csv or sessions.csv names, by address."""

    def __init__(
        self, agencies: AgencyImport, emails: Iterable[str], now: datetime, by: User | None
    ) -> None:
        self._agencies, self._now, self._by, wanted = agencies, now, by, list(emails)
        self.notes: list[str] = []
        stored = User.objects.select_related("agency").prefetch_related("practitioner_groups")
        people = stored.in_bulk(wanted, field_name="email")
        self._groups = Groups()
        self._members: list[tuple[User, list[PractitionerGroup]]] = []
        self.practitioners = Table(User, people)
        self.trainers = Table(User, people)
        known = {found.email: found for found in EmailAddress.objects.filter(email__in=wanted)}
        self._addresses = Table(EmailAddress, known)
        keys = [person.pk for person in people.values()]
        primary = EmailAddress.objects.filter(user_id__in=keys, primary=True)
        self._with_primary = set(primary.values_list("user_id", flat=True))
        self._confirmed: list[User] = []
        self.without_role: dict[str, str] = {}

    def plan_practitioners(self, sheet: Sheet) -> None:
        """Every row of practitioners.csv."""
        for row, key in sheet.keyed_rows("email", lambda row: as_stored(row.cells["email"])):
            found = self.practitioners.rows.get(key)
            read = cells.email if found else cells.personal_email
            email = row.required("email", read, key)
            if email and email not in self.practitioners.named:
                self._plan(row, email, found)

    def _plan(self, row: Row, email: str, found: User | None) -> None:
        wanted = wanted_by(row, PERSON_FIELDS, found=found)
        stored = cells.written(found.agency) if found else ""
        if found is None or not says(row, "agency", stored):
            wanted |= {"agency": self._agencies.read(row, "agency"), "unlisted_agency": ""}
        if wanted.get("manager_email") and same_mailbox(wanted["manager_email"], email):
            row.refuse("manager_email", "is the person's own address; a manager is somebody else")
        moves = found is not None and wanted.get("agency", found.agency) != found.agency
        if moves and found is not None and found.is_agency_lead:
            row.refuse("agency", f"differs, but {email} leads an agency; change it on their page")
        was_confirmed = found is not None and found.agency_is_confirmed
        if moves:
            wanted |= NOT_CONFIRMED
        differs = self.practitioners.put(email, wanted, email=email, date_joined=self._now)
        person, is_new = self.practitioners.rows[email], email in self.practitioners.new
        note_changes(row, (*PERSON_FIELDS, _AGENCY), differs, person, new=is_new)
        groups = self._groups.read(row, _groups_of(found))
        if groups is not None:
            self._members.append((person, groups))
            self.practitioners.touch(email)
        confirms = row.optional("confirmed", cells.flag, True)
        self._have_address(email, self.practitioners, row, "email", verified=confirms)
        may = confirms and not person.is_agency_lead
        is_open = person.agency is not None and person.agency_confirmed_at is None
        if may and is_open and self._by is not None and person.pk == self._by.pk:
            self.notes.append(f"{email}: {OwnAgency.sentence}")
            may = False
        if may and is_open:
            self._confirmed.append(person)
            self.practitioners.touch(email)
            if not was_confirmed:
                row.becomes(new=is_new, confirmed=("no", "yes"))
        elif moves and was_confirmed:
            row.becomes(new=is_new, confirmed=("yes", "no"))
        if found is not None and row.outcome.changes:
            self._refuse_who_may_not_be_changed(row, found)

    def _refuse_who_may_not_be_changed(self, row: Row, found: User) -> None:
        """As on the desk; the command is run by whoever runs the site."""
        if not found.is_active:
            row.refuse("email", f"is {found.email}, whose account has ended; leave this row out")
        elif self._by is not None and not may_change_account(found, by=self._by):
            row.refuse(
                "email",
                f"is {found.email}, who has a role, and this row would change their account; only"
                " a superuser may",
            )

    def trainer(self, email: str, row: Row) -> User:
        """The person who leads a session; planned once, however often named.

        Somebody of whom the files say no more than the address is given a name made from it, and
        the agency if its domain is one agency's alone; they complete it when they first sign in.
        """
        if email not in self.trainers.named:
            first, last = name_from_address(email)
            self.trainers.put(
                email,
                {},
                email=email,
                date_joined=self._now,
                first_name=first,
                last_name=last,
                agency=self._agencies.by_domain(email),
            )
            if email in self.trainers.new:
                self._have_address(email, self.trainers, row, "trainer_email", verified=True)
                self._confirmed.extend([self.trainers.rows[email]])
        person = self.trainers.rows[email]
        if not person.is_trainer:
            self.without_role[email] = (
                f"{person.full_name} ({email}) leads a session and is no trainer yet: make them one"
                " on their page, or they do not see who comes."
            )
        return person

    def _have_address(
        self, email: str, table: Table[User], row: Row, column: str, *, verified: bool
    ) -> None:
        """Have the address count as verified, so that a code sent to it signs the person in."""
        person, found = table.rows[email], self._addresses.rows.get(email)
        if found is not None and found.user_id != person.pk:
            row.refuse(column, f'is "{email}", an address of somebody else\'s account')
            return
        if not verified and (found is not None or person.pk):
            return
        wanted = {"verified": verified}
        if person.pk not in self._with_primary:
            wanted["primary"] = True
        if self._addresses.put(email, wanted, user=person, email=email):
            table.touch(email)
            if column == "email":
                row.becomes(new=email in table.new, confirmed=("no", "yes"))

    def write(self) -> None:
        """Write people, then their addresses. Agencies are written by now.

        Coordinators bring the files, so an agency that stands in them counts as confirmed, but
        for their own.
        """
        for person in (self.practitioners.new | self.trainers.new).values():
            person.set_unusable_password()
        self.practitioners.write()
        self.trainers.write()
        keys = [person.pk for person in self._confirmed]
        unconfirmed = User.objects.filter(pk__in=keys, agency__isnull=False)
        unconfirmed = unconfirmed.filter(agency_confirmed_at=None, is_agency_lead=False)
        if unconfirmed.exists():
            unconfirmed.update(agency_confirmed_at=self._now, agency_confirmed_by=self._by)
        self._addresses.write()
        link(PractitionerGroup.members.through, "user", "practitionergroup", self._members)


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
