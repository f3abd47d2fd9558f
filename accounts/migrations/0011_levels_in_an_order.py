from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ('accounts', '0010_people_by_what_waits_for_them'),
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
