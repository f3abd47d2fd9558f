"""The site's settings for measuring, with each answer saying how many statements it took."""

from tests.load.bench_settings import *  # noqa: F403
from tests.load.bench_settings import MIDDLEWARE as AS_IT_IS

MIDDLEWARE = ["tests.load.counting.statements_in_header", *AS_IT_IS]
