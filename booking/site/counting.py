"""Counting rows that belong to another, without joining them: that would sort all of both."""

from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce


def count_of(rows: QuerySet[Any], column: str) -> Coalesce:
    """How many of these rows point by this column to each row that is annotated with it."""
    theirs = rows.filter(**{column: OuterRef("pk")}).order_by().values(column)
    return Coalesce(Subquery(theirs.annotate(number=Count("*")).values("number")), 0)
