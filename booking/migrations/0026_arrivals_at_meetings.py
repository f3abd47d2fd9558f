import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ('booking', '0025_join_links_and_sealed_meetings'),
    ]

    operations = [
        migrations.AddField(
            model_name="partnership",
            name="join_before_agency",
            field=models.BooleanField(
                default=False,
                help_text="A place that is only held until the agency is confirmed opens the"
                " meeting too.",
            ),
        ),
        migrations.AddField(
            model_name="partnership",
            name="join_closes_minutes",
            field=models.PositiveSmallIntegerField(
                default=30,
                help_text="How long after its end a meeting can still be joined.",
            ),
        ),
        migrations.AddField(
            model_name="partnership",
            name="join_opens_minutes",
            field=models.PositiveSmallIntegerField(
                default=15,
                help_text="How long before a date begins its meeting can be joined.",
            ),
        ),
        migrations.CreateModel(
            name="Arrival",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                (
                    "device",
                    models.CharField(help_text="A random name of the browser.", max_length=12),
                ),
                (
                    "booking",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="arrivals",
                        to="booking.booking",
                    ),
                ),
                (
                    "sitting",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="arrivals",
                        to="booking.sitting",
                    ),
                ),
            ],
            options={
                "ordering": ["at", "id"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("booking", "sitting", "device"), name="one_arrival_in_a_browser"
                    )
                ],
            },
        ),
    ]
