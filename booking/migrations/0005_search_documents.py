"""A document of words for each session, kept by the database whatever changes them."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
from django.db import migrations, models

import booking.partnership.acronyms

FOLD = r"""
CREATE FUNCTION booking_fold(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT btrim(regexp_replace(regexp_replace(
    replace(replace(replace(translate(
        lower(normalize(replace(coalesce($1, ''), '´', ''), NFKD)), 'øđłð', 'odld'),
        'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'),
    '[\u0300-\u036f''’‘`´]', '', 'g'), '[\W_]+', ' ', 'g'))
$$;
"""
DOCUMENT = r"""
CREATE FUNCTION booking_write_documents(bigint[]) RETURNS void LANGUAGE sql AS $$
INSERT INTO booking_searchdocument (session_id, words, keywords)
SELECT id,
    setweight(to_tsvector('english', first), 'A') || setweight(to_tsvector('english', second), 'B')
        || setweight(to_tsvector('english', third), 'C'),
    ARRAY(SELECT DISTINCT word FROM unnest(string_to_array(first || ' ' || second, ' ')) word
        WHERE length(word) > 1 ORDER BY word)
FROM (
    SELECT session.id,
        booking_fold(concat_ws(' ', course.title, course.code, session.reference,
            regexp_replace(session.reference, '\W', '', 'g'))) AS first,
        booking_fold(concat_ws(' ', course.kind, 'level ' || course.level,
            CASE session.delivery WHEN 'online' THEN 'online'
                ELSE concat_ws(' ', 'in person', venue.name, venue.address) END,
            (SELECT string_agg(topic.name, ' ') FROM booking_topic topic
                JOIN booking_course_topics of_course ON of_course.topic_id = topic.id
                WHERE of_course.course_id = course.id),
            (SELECT string_agg(concat_ws(' ', first_name, last_name), ' ') FROM accounts_user
                JOIN booking_session_trainers leads ON leads.user_id = accounts_user.id
                WHERE leads.session_id = session.id),
            (SELECT string_agg(
                to_char(starts_at AT TIME ZONE 'Europe/London', 'FMDay DD FMMonth YYYY'), ' ')
                FROM booking_sitting sitting WHERE sitting.session_id = session.id))) AS second,
        booking_fold(concat_ws(' ', course.audience, course.summary)) AS third
    FROM booking_session session JOIN booking_course course ON course.id = session.course_id
    LEFT JOIN booking_venue venue ON venue.id = session.venue_id
    WHERE session.id = ANY($1)
) parts
ON CONFLICT (session_id) DO UPDATE SET words = EXCLUDED.words, keywords = EXCLUDED.keywords
$$;

CREATE FUNCTION booking_words_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE changed record := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
BEGIN
    IF TG_TABLE_NAME = 'booking_session' AND TG_OP = 'DELETE' THEN
        -- Its sittings, which went before it, wrote it anew.
        DELETE FROM booking_searchdocument WHERE session_id = OLD.id;
        RETURN NULL;
    END IF;
    PERFORM booking_write_documents(CASE TG_TABLE_NAME
        WHEN 'booking_session' THEN ARRAY[(to_jsonb(changed)->>'id')::bigint]
        WHEN 'booking_course' THEN ARRAY(SELECT id FROM booking_session
            WHERE course_id = (to_jsonb(changed)->>'id')::bigint ORDER BY id)
        WHEN 'booking_venue' THEN ARRAY(SELECT id FROM booking_session
            WHERE venue_id = (to_jsonb(changed)->>'id')::bigint ORDER BY id)
        WHEN 'booking_topic' THEN ARRAY(SELECT session.id FROM booking_session session
            JOIN booking_course_topics USING (course_id)
            WHERE topic_id = (to_jsonb(changed)->>'id')::bigint ORDER BY session.id)
        WHEN 'booking_course_topics' THEN ARRAY(SELECT id FROM booking_session
            WHERE course_id = (to_jsonb(changed)->>'course_id')::bigint ORDER BY id)
        WHEN 'accounts_user' THEN ARRAY(SELECT session_id FROM booking_session_trainers
            WHERE user_id = (to_jsonb(changed)->>'id')::bigint ORDER BY session_id)
        ELSE ARRAY[(to_jsonb(changed)->>'session_id')::bigint] END);
    RETURN NULL;
END $$;
"""
_RUN = "FOR EACH ROW EXECUTE FUNCTION booking_words_changed()"
_CHANGES = {
    "booking_session": ("INSERT OR DELETE", "UPDATE OF reference, course_id, venue_id, delivery"),
    "booking_sitting": ("INSERT OR DELETE", "UPDATE OF starts_at"),
    "booking_course": ("UPDATE OF title, code, kind, level, audience, summary",),
    "booking_venue": ("UPDATE OF name, address",),
    "booking_topic": ("UPDATE OF name",),
    "booking_course_topics": ("INSERT OR DELETE",),
    "booking_session_trainers": ("INSERT OR DELETE",),
    "accounts_user": ("UPDATE OF first_name, last_name",),
}


def _triggers() -> str:
    """A trigger for each; an update counts only if one of the columns is another."""
    made = []
    for table, events in _CHANGES.items():
        for number, event in enumerate(events):
            when = ""
            if event.startswith("UPDATE OF "):
                names = event.removeprefix("UPDATE OF ").split(", ")
                old, new = (", ".join(f"{row}.{name}" for name in names) for row in ("OLD", "NEW"))
                when = f" WHEN (ROW({old}) IS DISTINCT FROM ROW({new}))"
            made.append(
                f"CREATE TRIGGER words_changed_{number} AFTER {event} ON {table}"
                f" {_RUN.replace('FOR EACH ROW', f'FOR EACH ROW{when}')};"
            )
    return "\n".join(made)


def _undo() -> str:
    dropped = [
        f"DROP TRIGGER words_changed_{number} ON {table};"
        for table, events in _CHANGES.items()
        for number, _ in enumerate(events)
    ]
    return "\n".join(
        [
            *dropped,
            "DROP FUNCTION booking_words_changed;",
            "DROP FUNCTION booking_write_documents;",
            "DROP FUNCTION booking_fold;",
        ]
    )


class Migration(migrations.Migration):
    dependencies = [("booking", "0004_say_moved_and_what_work_is"), ("accounts", "0005_say_what_work_is")]

    operations = [
        migrations.CreateModel(
            name="SearchDocument",
            fields=[
                ("session", models.OneToOneField(
                    on_delete=django.db.models.deletion.CASCADE, primary_key=True,
                    related_name="document", serialize=False, to="booking.session")),
                ("words", django.contrib.postgres.search.SearchVectorField()),
                ("keywords", django.contrib.postgres.fields.ArrayField(
                    base_field=models.TextField(), size=None)),
            ],
            options={
                "indexes": [django.contrib.postgres.indexes.GinIndex(
                    fields=["words"], name="words_of_sessions")],
            },
        ),
        migrations.AddField(
            model_name="partnership",
            name="acronyms",
            field=models.TextField(
                blank=True,
                default=booking.partnership.acronyms.USUAL_ACRONYMS,
                help_text="One a line, such as DA = domestic abuse; what the search takes for the"
                " same.",
            ),
        ),
        migrations.RunSQL(
            FOLD + DOCUMENT + _triggers()
            + "SELECT booking_write_documents(ARRAY(SELECT id FROM booking_session));",
            _undo(),
        ),
    ]
