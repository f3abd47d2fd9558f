"""The site's own settings, with one more address: the view that pages are compared with."""

from booking.site.settings import *  # noqa: F403

ROOT_URLCONF = "tests.load.bench_urls"
