"""Inputs that nobody types: the tests of them, run as one fault among the others."""

import subprocess
import sys

from booking.local.servers import REPOSITORY
from tests.faults.report import Row
from tests.faults.scale import Scale
from tests.faults.site import Site


def fuzzed_inputs(site: Site, scale: Scale) -> list[Row]:
    """Run the modules of fuzzed inputs, each with servers of its own."""
    rows = []
    for module in sorted(REPOSITORY.glob("tests/*/test_fuzz*.py")):
        path = str(module.relative_to(REPOSITORY))
        row = Row("fuzzed inputs", path)
        tests = subprocess.run(
            [sys.executable, "-m", "pytest", path],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
        row.expect(tests.returncode == 0, tests.stdout[-2_000:])
        rows.append(row)
    return rows
