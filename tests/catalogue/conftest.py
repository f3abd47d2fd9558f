"""What the tests of the catalogue share."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from booking.catalogue.importing.programme import Report, import_programme
from tests.catalogue.small_programme import FILES, NOW, Load


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Imports the small programme, with some of its files replaced or (None) left out."""

    def load_files(
        replaced: Mapping[str, str | bytes | None] | None = None,
        starting_from: date | None = None,
    ) -> Report:
        for name, content in {**FILES, **(replaced or {})}.items():
            if content is None:
                (tmp_path / name).unlink(missing_ok=True)
            else:
                encoded = content.encode() if isinstance(content, str) else content
                (tmp_path / name).write_bytes(encoded)
        return import_programme(folder=tmp_path, now=NOW, starting_from=starting_from)

    return load_files
