"""Links by which people answer are written into no log."""

import json
import logging

import pytest

from booking.logs import JsonFormatter


@pytest.mark.parametrize("path", ["/approvals/aB3.x_-9/", "/offers/12-34.x_-9/"])
def test_a_logged_path_does_not_tell_the_link(path: str) -> None:
    record = logging.LogRecord(
        "django.request", logging.WARNING, __file__, 1, "Gone: %s", (path,), None
    )
    line = JsonFormatter().format(record)
    assert "x_-9" not in line
    room = path.split("/")[1]
    assert json.loads(line)["event"] == f"Gone: /{room}/[secret]/"
