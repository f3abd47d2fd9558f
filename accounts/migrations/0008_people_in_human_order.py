"""People, agencies and groups stand in the order in which people look names up."""

from django.db import migrations, models
from django.db.models.functions import Concat

from booking.site.human_order import HumanOrder

# As in `booking/migrations/0005_search_documents.py`, with letters and apostrophes that it left:
# those that Unicode counts as letters (U+02B9 to U+02BF), primes among them, never decide.
FOLD = r"""
CREATE OR REPLACE FUNCTION booking_fold(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$
SELECT btrim(regexp_replace(regexp_replace(
    replace(replace(replace(translate(
        lower(normalize(replace(coalesce($1, ''), '´', ''), NFKD)), 'øđłðħı', 'odldhi'),
        'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'),
    '[\u0300-\u036f\u02b9-\u02bf''’‘‛′`´]', '', 'g'), '[\W_]+', ' ', 'g'))
$$;
"""


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0007_mail_that_may_have_come_back"),
        ("booking", "0005_search_documents"),
    ]

    operations = [
        migrations.RunSQL(FOLD, migrations.RunSQL.noop),
        migrations.AlterModelOptions(
            name="agency",
            options={"ordering": [HumanOrder("name")], "verbose_name_plural": "agencies"},
        ),
        migrations.AlterModelOptions(
            name="practitionergroup", options={"ordering": [HumanOrder("name")]}
        ),
        migrations.AlterModelOptions(
            name="user",
            options={
                "ordering": ["sort_name", "id"],
                "verbose_name": "person",
                "verbose_name_plural": "people",
            },
        ),
        migrations.RemoveIndex(model_name="user", name="people_of_agency"),
        migrations.AddField(
            model_name="user",
            name="sort_name",
            field=models.GeneratedField(
                db_persist=True,
                expression=Concat(
                    HumanOrder("last_name"),
                    models.Value(" ", output_field=models.TextField()),
                    HumanOrder("first_name"),
                ),
                help_text="Where the person stands in a list, by last name.",
                output_field=models.TextField(db_collation="C"),
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(fields=["agency", "sort_name", "id"], name="people_of_agency"),
        ),
    ]
