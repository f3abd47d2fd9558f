"""Inputs and histories that nobody thought of: the deep tests, as one fault among the others."""

import os
import subprocess
import sys

from booking.local.servers import REPOSITORY
from tests.faults.report import Row
from tests.faults.scale import Scale
from tests.faults.site import Site


def deep_tests(site: Site, scale: Scale) -> list[Row]:
    """Run the tests that go by chance with all their cases; `make test` tries fewer of each."""
    if not scale.deep_tests:
        return []
    row = Row("inputs by chance", "10,000 cases of each test marked deep")
    variables = {
        name: value
        for name, value in os.environ.items()
        # They start servers of their own.
        if name not in ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")
    }
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-m", "deep", "-n", "logical", "--dist", "loadgroup"],
        cwd=REPOSITORY,
        env={**variables, "DEEP": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    row.expect(tests.returncode == 0, tests.stdout[-2_000:])
    row.notes.append(tests.stdout.strip().splitlines()[-1])
    return [row]
