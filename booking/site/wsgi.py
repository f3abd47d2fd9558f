"""The WSGI entry point: `booking.site.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "booking.site.settings")

application = get_wsgi_application()
