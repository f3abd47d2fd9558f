"""What a web process loads before its first answer: nothing that this answer does not need."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.factories import make_session
from tests.servers import collect_static
from tests.worker.celery_programs import environment

# What the worker reads mail with, what few pages ask for, and what forms alone need.
_LATER = {
    "celery",
    "holidays",
    "icalendar",
    "imapclient",
    "kombu",
    "markdown_it",
    "qrcode",
    "redis",
}
_FIRST_ANSWER = """
import gc, json, sys
from wsgiref.util import setup_testing_defaults
from booking.site.wsgi import application

request = {"PATH_INFO": "/programme/"}
setup_testing_defaults(request)
statuses = []
body = b"".join(application(request, lambda status, headers: statuses.append(status)))
assert gc.isenabled() and gc.get_freeze_count() > 100_000
print(json.dumps([statuses, body.decode(), sorted(sys.modules)]))
"""


@pytest.mark.django_db(transaction=True)
def test_the_first_page_of_a_web_process_loads_only_what_it_needs(tmp_path: Path) -> None:
    session = make_session()
    variables = {**environment(), "STATIC_ROOT": str(tmp_path)}
    collect_static(variables)
    ended = subprocess.run(
        [sys.executable, "-c", _FIRST_ANSWER],
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )
    statuses, page, modules = json.loads(ended.stdout)
    assert statuses == ["200 OK"]
    assert session.course.title in page
    assert {"django.urls", "psycopg"} <= set(modules)
    assert not {name.partition(".")[0] for name in modules} & _LATER


def test_no_installation_has_rich_which_would_be_loaded_with_structlog() -> None:
    assert "\nstructlog==" in (pins := Path("requirements.txt").read_text())
    assert "\nrich==" not in pins
