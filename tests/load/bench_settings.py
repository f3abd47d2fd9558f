"""The site's own settings, with one more address: the view that pages are compared with."""

from booking.local.servers import LOCAL
from booking.site.settings import *  # noqa: F403

ROOT_URLCONF = "tests.load.bench_urls"
# Apart from the checkout's own, which somebody may be rebuilding.
STATIC_ROOT = LOCAL / "bench-static"
