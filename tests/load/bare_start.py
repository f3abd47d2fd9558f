"""What a start is compared with, to be served: Django with no app, and one view with one query."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path

from booking.site import environment

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": environment.database(os.environ)},
    ROOT_URLCONF=__name__,
)


def one_query(request: HttpRequest) -> HttpResponse:
    """What the database says."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'an answer'")
        [answer] = cursor.fetchone()
    return HttpResponse(answer)


urlpatterns = [path("", one_query)]
application = get_wsgi_application()
