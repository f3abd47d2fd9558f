"""What pages keep is made anew when the catalogue changes: its changes, a row a transaction.

A row for each and not one number, which all who change anything would have to wait for. A day
later nothing is kept that old, and they go. Whoever sees other rows reads another revision: as many
may have come as went, but then their keys sum to more. Places are given and taken without it.
"""

from django.db import migrations

_WHOLE = (
    "course",
    "course_groups",
    "course_prerequisites",
    "course_topics",
    "session_trainers",
    "sitting",
    "venue",
    "topic",
    "cancellationpolicy",
    "chargeband",
    "allocation",
    "diarydate",
    "diarydate_courses",
    "bulletin",
    "material",
)
# All columns but the counts of places, which bookings move.
_OF_SESSION = (
    "reference, state, delivery, joining_instructions, starts_at, ends_at, capacity, agency_limit,"
    " booking_opens_at, booking_closes_at, has_allocations, offer_hours, promotion,"
    " cancellation_reason, revision, changed_at, course_id, policy_id, venue_id, published_at"
)
_TABLE = """
CREATE TABLE booking_cataloguechange (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xact xid8 NOT NULL UNIQUE DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL DEFAULT now(),
    times integer NOT NULL DEFAULT 1
);
CREATE FUNCTION booking_catalogue_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO booking_cataloguechange AS mine DEFAULT VALUES
        ON CONFLICT (xact) DO UPDATE SET times = mine.times + 1;
    DELETE FROM booking_cataloguechange WHERE id IN (
        SELECT id FROM booking_cataloguechange WHERE at < now() - interval '1 day'
        ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED
    );
    RETURN NULL;
END $$;
CREATE FUNCTION booking_catalogue_revision() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT concat_ws('.', count(*), sum(times), sum(id)) FROM booking_cataloguechange
$$;
CREATE FUNCTION booking_leads_a_session(person bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM booking_session_trainers WHERE user_id = person)
$$;
"""
_TRIGGER = (
    "CREATE TRIGGER catalogue_changed AFTER {when} ON {table}"
    " FOR EACH {each} EXECUTE FUNCTION booking_catalogue_changed();"
)
_NAME = "(OLD.first_name, OLD.last_name) IS DISTINCT FROM (NEW.first_name, NEW.last_name)"


def _triggers() -> str:
    every = [
        _TRIGGER.format(
            when="INSERT OR UPDATE OR DELETE", table=f"booking_{name}", each="STATEMENT"
        )
        for name in _WHOLE
    ]
    every.append(
        _TRIGGER.format(
            when=f"INSERT OR DELETE OR UPDATE OF {_OF_SESSION}",
            table="booking_session",
            each="STATEMENT",
        )
    )
    # The names of groups stand on pages, and of whoever leads a session, a trainer still or not.
    every.append(
        _TRIGGER.format(when="UPDATE OF name", table="accounts_practitionergroup", each="STATEMENT")
    )
    every.append(
        _TRIGGER.format(
            when="UPDATE OF first_name, last_name",
            table="accounts_user",
            each=f"ROW WHEN ({_NAME} AND booking_leads_a_session(NEW.id))",
        )
    )
    return "\n".join(every)


_UNDO = (
    "DROP FUNCTION booking_catalogue_changed() CASCADE;"
    " DROP FUNCTION booking_catalogue_revision(); DROP FUNCTION booking_leads_a_session(bigint);"
    " DROP TABLE booking_cataloguechange"
)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0012_groups_that_can_be_asked"),
        ("booking", "0035_mail_by_words_of_its_address"),
    ]

    operations = [migrations.RunSQL(_TABLE + _triggers(), _UNDO)]
