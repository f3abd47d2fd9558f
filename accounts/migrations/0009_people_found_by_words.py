"""The words by which each person is found, kept by the database whatever changes them."""

import django.contrib.postgres.indexes
from django.db import migrations, models

# A variable has the database's own collation, whatever the columns have.
WORDS = r"""
CREATE FUNCTION accounts_write_words() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE said text;
BEGIN
    IF TG_OP = 'UPDATE' AND ROW(
        NEW.first_name, NEW.last_name, NEW.email, NEW.phone, NEW.unlisted_agency, NEW.agency_id,
        NEW.words
    ) IS NOT DISTINCT FROM ROW(
        OLD.first_name, OLD.last_name, OLD.email, OLD.phone, OLD.unlisted_agency, OLD.agency_id,
        OLD.words
    ) THEN
        RETURN NEW;
    END IF;
    said := concat_ws(' ', NEW.first_name, NEW.last_name, NEW.email, NEW.phone,
        regexp_replace(NEW.phone, '\D', '', 'g'), NEW.unlisted_agency,
        (SELECT name FROM accounts_agency WHERE id = NEW.agency_id));
    NEW.words := ' ' || booking_fold(said) || ' ';
    RETURN NEW;
END $$;
CREATE TRIGGER words_of_a_person BEFORE INSERT OR UPDATE ON accounts_user
FOR EACH ROW EXECUTE FUNCTION accounts_write_words();

CREATE FUNCTION accounts_agency_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE accounts_user SET words = '' WHERE agency_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER words_of_its_people AFTER UPDATE ON accounts_agency
FOR EACH ROW WHEN (OLD.name IS DISTINCT FROM NEW.name)
EXECUTE FUNCTION accounts_agency_renamed();

UPDATE accounts_user SET words = ' ';
"""
NO_WORDS = """
DROP TRIGGER words_of_its_people ON accounts_agency;
DROP FUNCTION accounts_agency_renamed;
DROP TRIGGER words_of_a_person ON accounts_user;
DROP FUNCTION accounts_write_words;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_people_in_human_order"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="words",
            field=models.TextField(default="", editable=False, help_text="What the person is found by; the database writes it."),
        ),
        migrations.RunSQL(WORDS, NO_WORDS),
        migrations.AddIndex(
            model_name="user",
            index=django.contrib.postgres.indexes.GinIndex(fields=["words"], name="people_by_words", opclasses=["gin_trgm_ops"]),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(fields=["sort_name", "id"], name="people_by_name"),
        ),
    ]
