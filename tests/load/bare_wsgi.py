"""The strictest reference, to be served: one view, one indexed query, no middleware at all."""

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler

django.setup()
# Only now: allauth refuses to be set up without its middleware.
settings.MIDDLEWARE = []
settings.ROOT_URLCONF = "tests.load.bare_urls"

application = WSGIHandler()
