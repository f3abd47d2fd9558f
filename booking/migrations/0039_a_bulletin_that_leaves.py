"""How far a bulletin has left is no change of the catalogue: pages that were kept are kept on."""

from django.db import migrations

# All columns but how far it has left, which each batch of copies moves.
_OF_BULLETIN = " OF title, opening, month, state, revision, created_at, published_at"
_TRIGGER = """
DROP TRIGGER catalogue_changed ON booking_bulletin;
CREATE TRIGGER catalogue_changed AFTER INSERT OR DELETE OR UPDATE{of} ON booking_bulletin
    FOR EACH STATEMENT EXECUTE FUNCTION booking_catalogue_changed();
"""


class Migration(migrations.Migration):
    dependencies = [("booking", "0038_fewer_indexes_for_a_booking")]

    operations = [
        migrations.RunSQL(_TRIGGER.format(of=_OF_BULLETIN), _TRIGGER.format(of="")),
    ]
