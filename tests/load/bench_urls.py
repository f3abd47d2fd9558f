"""The site's addresses, and the view that they are compared with, under all its middleware."""

from booking.urls import handler500
from booking.urls import urlpatterns as site
from tests.load.bare_urls import urlpatterns as bare

__all__ = ["handler500", "urlpatterns"]

urlpatterns = [*bare, *site]
