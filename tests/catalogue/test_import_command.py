"""The command that imports a folder of files, and what it says."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from booking.catalogue.importing.programme import ImportRefused
from tests.catalogue.small_programme import (
    FILES,
    Load,
    session_line,
)

pytestmark = pytest.mark.django_db


def test_the_command_reports_and_notes_another_number_of_sittings(
    load: Load, tmp_path: Path
) -> None:
    with pytest.raises(ImportRefused):
        load({"agencies.csv": ""})
    (tmp_path / "agencies.csv").write_text(FILES["agencies.csv"])
    one = session_line(reference="S5", course_code="WT")
    (tmp_path / "sessions.csv").write_text(FILES["sessions.csv"] + one + "\n")
    out, err = StringIO(), StringIO()
    call_command(
        "import_programme", str(tmp_path), "--starting-from=2027-02-01", stdout=out, stderr=err
    )
    assert "All sessions are 1 week earlier.\n" in out.getvalue()
    assert "sessions: 3 created, 0 changed, 0 the same\n" in out.getvalue()
    assert "line 4: S5 has 1 sitting, and its course WT usually has 2." in err.getvalue()


def test_the_command_fails_with_the_list(load: Load, tmp_path: Path) -> None:
    load()
    (tmp_path / "agencies.csv").write_text("name\n")
    with pytest.raises(CommandError, match=r"Nothing was imported: 3 problems\.\nagencies.csv, li"):
        call_command("import_programme", str(tmp_path))


def test_a_folder_without_any_of_the_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="has none of agencies"):
        call_command("import_programme", str(tmp_path))


def test_a_day_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="a date that does not exist"):
        call_command("import_programme", str(tmp_path), "--starting-from=2027-02-30")
