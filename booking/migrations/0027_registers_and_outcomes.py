
import booking.attendance.models
import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0011_levels_in_an_order'),
        ('booking', '0026_arrivals_at_meetings'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AbsenceCase',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('open', 'To decide'), ('accepted', 'The reason was accepted'), ('charged', 'Charged'), ('closed', 'Closed by itself')], default='open', max_length=10)),
                ('opened_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('key', models.CharField(default=booking.attendance.models.new_absence_key, max_length=32, unique=True)),
                ('manager_email', models.EmailField(blank=True, help_text='Who is asked beside the person; empty if nobody is.', max_length=254)),
                ('pence', models.PositiveIntegerField(default=0, help_text='By the rules that were promised when it was booked.', verbose_name='charge in pence')),
                ('reason', models.CharField(blank=True, max_length=500, verbose_name='the person’s reason')),
                ('reason_at', models.DateTimeField(null=True)),
                ('manager_reason', models.CharField(blank=True, max_length=500, verbose_name='the manager’s reason')),
                ('manager_reason_at', models.DateTimeField(null=True)),
                ('decided_at', models.DateTimeField(null=True)),
                ('why', models.CharField(blank=True, max_length=500)),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Mark',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('what', models.CharField(choices=[('attended', 'Attended'), ('part', 'Part'), ('absent', 'Absent'), ('apologies', 'Apologies'), ('nothing', 'Not marked')], max_length=10)),
                ('minutes_late', models.PositiveSmallIntegerField(null=True)),
                ('minutes_early', models.PositiveSmallIntegerField(null=True, verbose_name='minutes left early')),
                ('minutes_there', models.PositiveSmallIntegerField(help_text='In all, as a report of the meeting says.', null=True)),
                ('at', models.DateTimeField(help_text='When it was pressed, by our clock.')),
                ('noted_at', models.DateTimeField(help_text='When it reached us.')),
                ('source', models.CharField(choices=[('press', 'On the register'), ('everybody', 'With everybody else'), ('report', 'From the report of the meeting'), ('room', 'With the code in the room')], default='press', max_length=10)),
                ('key', models.CharField(help_text='A random name of the press, so that it counts once if it is sent again.', max_length=36, null=True, unique=True)),
            ],
            options={
                'ordering': ['at', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Register',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('opened_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('closed_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.AddField(
            model_name='booking',
            name='is_walk_in',
            field=models.BooleanField(default=False, help_text='Came without a place, and was let in by a trainer’s word.'),
        ),
        migrations.AddField(
            model_name='booking',
            name='outcome',
            field=models.CharField(blank=True, choices=[('attended', 'Attended'), ('part', 'Attended in part'), ('apologies', 'Sent apologies'), ('absent', 'Absent')], default='', help_text='Empty until the register is closed, and for good where none was kept.', max_length=10),
        ),
        migrations.AddField(
            model_name='cancellationpolicy',
            name='absence_free_if_taken',
            field=models.BooleanField(default=True, verbose_name='no charge for an absence if somebody else came in the place'),
        ),
        migrations.AddField(
            model_name='course',
            name='absent_after_minutes',
            field=models.PositiveSmallIntegerField(blank=True, default=30, help_text='Whoever misses more of a date counts as absent; empty: no such rule.', null=True, verbose_name='minutes missed that make it absent'),
        ),
        migrations.AddField(
            model_name='course',
            name='must_attend',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), blank=True, default=list, help_text='Numbers of the dates that must be attended; none given means all of them.'),
        ),
        migrations.AddField(
            model_name='course',
            name='part_after_minutes',
            field=models.PositiveSmallIntegerField(blank=True, default=15, help_text='Whoever misses more of a date has attended it in part; empty: no such rule.', null=True, verbose_name='minutes missed that make it part'),
        ),
        migrations.AddField(
            model_name='partnership',
            name='repeated_absences',
            field=models.PositiveSmallIntegerField(default=2, help_text='So many absences are shown; 0: none ever.'),
        ),
        migrations.AddField(
            model_name='partnership',
            name='repeated_months',
            field=models.PositiveSmallIntegerField(default=12, help_text='In so many months before.'),
        ),
        migrations.AddField(
            model_name='partnership',
            name='usual_absent_minutes',
            field=models.PositiveSmallIntegerField(blank=True, default=30, help_text='Of a new course: missed, it is absence.', null=True),
        ),
        migrations.AddField(
            model_name='partnership',
            name='usual_part_minutes',
            field=models.PositiveSmallIntegerField(blank=True, default=15, help_text='Of a new course: missed, it is part.', null=True),
        ),
        migrations.AlterField(
            model_name='bookingevent',
            name='what',
            field=models.CharField(choices=[('booked', 'Booked'), ('overridden', 'Let past a rule by a coordinator'), ('requested', 'Asked for a place; the manager is asked'), ('joined', 'Joined the waiting list'), ('promoted', 'Given a place from the waiting list'), ('offered', 'Offered a place'), ('accepted', 'Accepted the offer'), ('declined', 'Declined the offer'), ('lapsed', 'The offer ran out'), ('withdrew', 'Left the waiting list'), ('cancelled', 'Cancelled'), ('taken back', 'The cancellation was undone'), ('apologised', 'Sent apologies'), ('manager asked', 'The manager is asked'), ('approved', 'Agreed by the manager'), ('refused', 'Not agreed by the manager'), ('not answered', 'The manager did not answer in time'), ('agency confirmed', 'The agency is confirmed'), ('agency refused', 'The agency is not one that the session is for'), ('agency unproved', 'The agency was not confirmed in time'), ('invited', 'Put in line for a date before others'), ('passed over', 'A place went to somebody further back'), ('moved up', 'Moved up the waiting list'), ('moved back', 'Somebody was moved up the waiting list'), ('handed over', 'Given to a colleague'), ('took over', "Took a colleague's place"), ('moved away', 'Moved to another date'), ('moved here', 'Moved from another date'), ('walked in', 'Came without a booking, and was let in'), ('outcome', 'The register was closed'), ('outcome corrected', 'What the register says was corrected'), ('absence settled', 'The absence was settled'), ('earlier missing', 'What comes first is missing'), ('earlier not needed', 'May come without what comes first'), ('earlier back', 'What comes first is booked or done'), ('session changed', 'The session changed'), ('session cancelled', 'The session was cancelled')], max_length=20),
        ),
        migrations.AddIndex(
            model_name='booking',
            index=models.Index(condition=models.Q(('outcome', 'absent')), fields=['person'], name='absences'),
        ),
        migrations.AddField(
            model_name='absencecase',
            name='booking',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='absence', to='booking.booking'),
        ),
        migrations.AddField(
            model_name='absencecase',
            name='decided_by',
            field=models.ForeignKey(help_text='Nobody if it closed by itself.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='mark',
            name='booking',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='marks', to='booking.booking'),
        ),
        migrations.AddField(
            model_name='mark',
            name='by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='mark',
            name='sitting',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='marks', to='booking.sitting'),
        ),
        migrations.AddField(
            model_name='register',
            name='closed_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='register',
            name='session',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='register', to='booking.session'),
        ),
        migrations.AddIndex(
            model_name='absencecase',
            index=models.Index(condition=models.Q(('state', 'open')), fields=['opened_at'], name='absences_to_decide'),
        ),
        migrations.AddIndex(
            model_name='mark',
            index=models.Index(fields=['sitting', 'booking', '-at', '-id'], name='marks_of_sitting'),
        ),
    ]
