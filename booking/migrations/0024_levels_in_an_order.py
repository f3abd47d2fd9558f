from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ('booking', '0023_what_courses_begin_with'),
    ]

    operations = [
        migrations.AddField(
            model_name="partnership",
            name="levels",
            field=models.TextField(
                default="Level 1 = I may come across children and families in my work\nLevel 2 = I work with children or families regularly\nLevel 3 = I lead on safeguarding or take part in multi-agency work",
                help_text="One a line, the lowest first: its name = what people can say of their work.",
            ),
        ),
        migrations.AlterField(
            model_name="course",
            name="level",
            field=models.PositiveSmallIntegerField(default=1),
        ),
        migrations.AlterField(
            model_name="course",
            name="least_level",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="People whose work is at a lower level cannot book.",
                null=True,
                verbose_name="level of safeguarding work needed",
            ),
        ),
    ]
