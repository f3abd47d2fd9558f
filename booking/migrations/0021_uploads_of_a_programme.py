import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('booking', '0020_what_waits_is_counted_by_index'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ProgrammeUpload',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(help_text='When its coordinator last did something with it.')),
                ('state', models.CharField(choices=[('reading', 'Being read'), ('shown', 'Shown'), ('importing', 'Being imported'), ('done', 'Imported'), ('failed', 'Failed')], default='reading', max_length=10)),
                ('files', models.JSONField(default=dict, help_text='By the name the import knows: its own name, and its bytes, sealed.')),
                ('preview', models.JSONField(default=dict, help_text='What would be written, row by row.')),
                ('digest', models.CharField(blank=True, help_text='Of all that would be written.', max_length=64)),
                ('by', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='programme_upload', to=settings.AUTH_USER_MODEL)),
            ],
        ),
    ]
