"""Carry over what bookings made before were promised: until when cancelling is free."""

from django.db import migrations
from django.db.models import OuterRef, Subquery

from booking.catalogue.working_days import free_until


def carry_over(apps, schema_editor):
    """One policy for each length of notice there is; every booking gets its moment and agency."""
    Policy = apps.get_model("booking", "CancellationPolicy")
    Session = apps.get_model("booking", "Session")
    Booking = apps.get_model("booking", "Booking")
    User = apps.get_model("accounts", "User")
    lengths = Session.objects.order_by().values_list("cancellation_notice_days", flat=True)
    for days in sorted(set(lengths.exclude(cancellation_notice_days=0))):
        policy = Policy.objects.create(
            name=f"{days} working days of notice", notice_days=days, free_for_trainers_in_kind=False
        )
        Session.objects.filter(cancellation_notice_days=days).update(policy=policy)
    for session in Session.objects.filter(bookings__isnull=False).distinct():
        days = session.cancellation_notice_days
        Booking.objects.filter(session=session).update(
            notice_days=days,
            free_until=free_until(session.starts_at, days),
            policy=session.policy_id,
        )
    agency = User.objects.filter(pk=OuterRef("person_id")).values("agency_id")
    Booking.objects.update(agency_id=Subquery(agency))


def forget(apps, schema_editor):
    """The notice goes back to the sessions."""
    Session = apps.get_model("booking", "Session")
    Booking = apps.get_model("booking", "Booking")
    for session in Session.objects.exclude(policy=None).select_related("policy"):
        session.cancellation_notice_days = session.policy.notice_days
        session.policy = None
        session.save(update_fields=["cancellation_notice_days", "policy"])
    Booking.objects.update(policy=None)
    apps.get_model("booking", "CancellationPolicy").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("booking", "0005_rules_of_a_place")]

    operations = [migrations.RunPython(carry_over, forget)]
