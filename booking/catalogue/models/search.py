"""What a session is found by: one document for each, which the database keeps itself."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models

from booking.catalogue.models.sessions import Session


class SearchDocument(models.Model):
    """The words of a session, written by triggers whenever one of them changes.

    `words` weighs title, code and reference as A; topics, kind, level, place, trainers and months
    as B; whom it is for and the summary as C. `keywords` are the words of A and B as they are
    written, to find the nearest to one that is mistyped. All without accents and apostrophes:
    the database's `booking_fold` does to them what `booking.catalogue.searching.fold` does here.
    """

    session = models.OneToOneField(
        Session, on_delete=models.CASCADE, primary_key=True, related_name="document"
    )
    words = SearchVectorField()
    keywords = ArrayField(models.TextField())

    class Meta:
        indexes = [GinIndex(fields=["words"], name="words_of_sessions")]

    def __str__(self) -> str:
        return f"Words of session {self.session_id}"
