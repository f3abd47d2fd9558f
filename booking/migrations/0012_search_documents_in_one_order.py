"""Search documents are locked in one order before they are read and written anew.

Without it two writers could wait for each other, and the later of two changes of one session could
be written from words that the earlier one had changed meanwhile.
"""

from django.db import migrations

# The rows are locked by a statement of their own: the one after it sees what was committed while
# this one waited.
_DOCUMENTS = r"""
CREATE OR REPLACE FUNCTION booking_write_documents(bigint[]) RETURNS void LANGUAGE sql AS $$
SELECT 1 FROM booking_searchdocument WHERE session_id = ANY($1) ORDER BY session_id FOR UPDATE;
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
                to_char(starts_at AT TIME ZONE 'Europe/London', 'FMDay FMDD FMMonth YYYY'), ' ')
                FROM booking_sitting sitting WHERE sitting.session_id = session.id))) AS second,
        booking_fold(concat_ws(' ', course.audience, course.summary)) AS third
    FROM booking_session session JOIN booking_course course ON course.id = session.course_id
    LEFT JOIN booking_venue venue ON venue.id = session.venue_id
    WHERE session.id = ANY($1)
) parts
ORDER BY id
ON CONFLICT (session_id) DO UPDATE SET words = EXCLUDED.words, keywords = EXCLUDED.keywords
$$;
SELECT booking_write_documents(ARRAY(SELECT id FROM booking_session));
"""


class Migration(migrations.Migration):
    dependencies = [
        # Words are folded by its function.
        ("accounts", "0008_people_in_human_order"),
        ("booking", "0011_names_in_human_order"),
    ]

    operations = [
        # The older functions of 0005 do as well: nothing else depends on what is new here.
        migrations.RunSQL(_DOCUMENTS, migrations.RunSQL.noop),
    ]
