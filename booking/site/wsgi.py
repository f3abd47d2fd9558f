"""The WSGI entry point: `booking.site.wsgi:application`."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "booking.site.settings")

# What is loaded stays as long as the process, so nobody looks through it for what could go: not
# while it is loaded, and not at each full collection afterwards.
gc.disable()
application = get_wsgi_application()
_ = get_resolver().url_patterns
gc.freeze()
gc.enable()
