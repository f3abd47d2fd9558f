"""Agencies, practitioners and trainers: planned from the files, then written."""

from collections.abc import Iterable
from datetime import datetime

from allauth.account.models import EmailAddress

from accounts.addresses import PUBLIC_MAIL, as_stored, domain_of
from accounts.models import Agency, Sector, User
from accounts.roles import note_roles
from booking.catalogue.importing import cells
from booking.catalogue.importing.batches import Table
from booking.catalogue.importing.cells import Columns, Row, Sheet

AGENCIES = Columns("name,sector,email_domains,trainers_in_kind")
PRACTITIONERS = Columns("email,first_name,last_name,job_title,agency,manager_email")


class AgencyImport:
    """agencies.csv, by name."""

    def __init__(self, sheet: Sheet) -> None:
        self._is_whole = sheet.is_whole
        self.table = Table(Agency, Agency.objects.in_bulk(field_name="name"))
        for row, name in sheet.keyed_rows("name", lambda row: " ".join(row.cells["name"].split())):
            row.required("name", cells.text(200), "")
            wanted = {
                "sector": row.required("sector", cells.choice(Sector), Sector.OTHER.value),
                "email_domains": row.listed("email_domains", cells.each_once(cells.domain)),
                "trainers_in_kind": row.optional("trainers_in_kind", cells.flag, False),
            }
            if name not in self.table.named:
                self.table.put(name, wanted, name=name)

    def read(self, row: Row, column: str) -> Agency | None:
        """The agency that a row of another file names."""
        name = row.required(column, cells.text(200), "")
        agency = self.table.rows.get(name)
        if name and agency is None and self._is_whole:
            row.refuse(column, f'is "{name}", which is not an agency')
        return agency

    def by_domain(self, email: str) -> Agency | None:
        """As `accounts.agency_proof.agency_at`, of the agencies of the files too."""
        domain = domain_of(email)
        if domain in PUBLIC_MAIL:
            return None
        there = [each for each in self.table.rows.values() if domain in each.email_domains]
        return there[0] if len(there) == 1 and there[0].is_listed else None


class PeopleImport:
    """Everybody whom practitioners.csv or sessions.csv names, by address."""

    def __init__(self, agencies: AgencyImport, emails: Iterable[str], now: datetime) -> None:
        self._agencies, self._now, wanted = agencies, now, list(emails)
        people = User.objects.select_related("agency").in_bulk(wanted, field_name="email")
        self.practitioners = Table(User, people)
        self.trainers = Table(User, people)
        known = {found.email: found for found in EmailAddress.objects.filter(email__in=wanted)}
        self._addresses = Table(EmailAddress, known)
        keys = [person.pk for person in people.values()]
        primary = EmailAddress.objects.filter(user_id__in=keys, primary=True)
        self._with_primary = set(primary.values_list("user_id", flat=True))

    def plan_practitioners(self, sheet: Sheet) -> None:
        """Every row of practitioners.csv."""
        for row, key in sheet.keyed_rows("email", lambda row: as_stored(row.cells["email"])):
            email = row.required("email", cells.personal_email, key)
            wanted = {
                "first_name": row.required("first_name", cells.name(100), ""),
                "last_name": row.required("last_name", cells.name(100), ""),
                "job_title": row.required("job_title", cells.name(150), ""),
                "agency": self._agencies.read(row, "agency"),
                "unlisted_agency": "",
                "manager_email": row.optional("manager_email", cells.email, ""),
            }
            if email and email not in self.practitioners.named:
                self.practitioners.put(email, wanted, email=email, date_joined=self._now)
                self._verify(email, self.practitioners, row, "email")

    def trainer(self, email: str, row: Row) -> User:
        """The person who leads a session, made a trainer; planned once, however often named.

        Somebody of whom the files say no more than the address is given a name made from it, and
        the agency if its domain is one agency's alone; they complete it when they first sign in.
        """
        if email not in self.trainers.named:
            first, last = name_from_address(email)
            self.trainers.put(
                email,
                {"is_trainer": True},
                email=email,
                date_joined=self._now,
                first_name=first,
                last_name=last,
                agency=self._agencies.by_domain(email),
            )
            self._verify(email, self.trainers, row, "trainer_email")
        return self.trainers.rows[email]

    def _verify(self, email: str, table: Table[User], row: Row, column: str) -> None:
        """Have the address count as verified, so that a code sent to it signs the person in."""
        person, found = table.rows[email], self._addresses.rows.get(email)
        if found is not None and found.user_id != person.pk:
            row.refuse(column, f'is "{email}", an address of somebody else\'s account')
            return
        wanted = {"verified": True}
        if person.pk not in self._with_primary:
            wanted["primary"] = True
        if self._addresses.put(email, wanted, user=person, email=email):
            table.touch(email)

    def write(self) -> None:
        """Write people, then their addresses. Agencies are written by now.

        Coordinators bring the files, so an agency that stands in them counts as confirmed.
        """
        for person in (self.practitioners.new | self.trainers.new).values():
            person.set_unusable_password()
        self.practitioners.write()
        self.trainers.write()
        changed = [key for key, names in self.trainers.changed.items() if "is_trainer" in names]
        for email in (*self.trainers.new, *changed):
            note_roles(self.trainers.rows[email], by=None, changed=["is_trainer"])
        brought = [*self.practitioners.named, *self.trainers.new]
        unconfirmed = User.objects.filter(agency__isnull=False, agency_confirmed_at=None)
        unconfirmed = unconfirmed.filter(email__in=brought)
        if unconfirmed.exists():
            unconfirmed.update(agency_confirmed_at=self._now)
        self._addresses.write()


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
