from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_people_found_by_words"),
    ]

    operations = [
        migrations.AlterField(
            model_name="user",
            name="level",
            field=models.PositiveSmallIntegerField(
                blank=True, null=True, verbose_name="level of safeguarding work"
            ),
        ),
    ]
