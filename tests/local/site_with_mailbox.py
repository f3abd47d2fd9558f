"""The site's addresses with the mailbox among them, as in the demo."""

from django.urls import include, path

from booking.urls import urlpatterns as site

urlpatterns = [*site, path("mailbox/", include("booking.local.urls"))]
