"""`make demo`: it comes up by itself, shows its mailbox, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from booking.local import COORDINATOR, PRACTITIONER, TRAINER
from booking.local.demo import Demo, DemoStopped, begin_anew_if_outdated, main, remember_migrations
from booking.local.processes import free_port, lock_folder, port_in_use
from booking.local.smtp_sink import SmtpSink
from tests import servers


def test_a_port_in_use_is_refused_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with SmtpSink(tmp_path) as other:
        assert main(["--port", str(other.port)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"Port {other.port} is already in use: ")
    assert said.err.count("\n") == 1


def test_a_second_demo_in_one_checkout_is_refused(tmp_path: Path) -> None:
    with lock_folder(tmp_path), pytest.raises(DemoStopped, match="already runs in this checkout"):
        Demo(port=free_port(), folder=tmp_path).run()
    assert list(tmp_path.iterdir()) == [tmp_path / "lock"]


def test_the_demo_comes_up_and_stops_without_a_trace() -> None:
    port = free_port()
    folder = servers.folder / f"demo-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    environment = {name: text for name, text in os.environ.items() if not name.endswith("_URL")}
    demo = subprocess.Popen(
        [
            *(sys.executable, "-m", "booking.local.demo"),
            *("--port", str(port), "--folder", str(folder)),
        ],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert demo.stdout is not None
    said = ""
    with demo.stdout as output:
        for line in output:
            said += line
            if "Press Ctrl-C" in line:
                break
        try:
            assert "Briefed is ready" in said
            assert f"http://localhost:{port}/mailbox/" in said
            assert PRACTITIONER in said
            assert TRAINER in said
            assert COORDINATOR in said
            for page in ("/", "/mailbox/"):
                with urllib.request.urlopen(f"http://localhost:{port}{page}", timeout=20) as shown:
                    assert shown.status == 200
        finally:
            demo.send_signal(signal.SIGTERM)
            said += output.read()
    assert demo.wait() == 0
    assert said.endswith("Stopped.\n")
    assert not port_in_use(port)
    # PostgreSQL removes the one as the last thing it does, and keeps the other.
    assert not (folder / "servers" / "pgdata" / "postmaster.pid").exists()
    assert (folder / "servers" / "pgdata" / "PG_VERSION").exists()


def a_demo(folder: Path) -> Path:
    """The folder of a demo that has run before."""
    (folder / "servers").mkdir(parents=True)
    (folder / "mail").mkdir()
    (folder / "secret_key").write_text("kept")
    return folder


def test_a_demo_of_this_version_keeps_what_it_holds(tmp_path: Path) -> None:
    folder = a_demo(tmp_path)
    remember_migrations(folder)
    assert not begin_anew_if_outdated(folder)
    assert (folder / "servers").exists()


def test_a_demo_that_lacks_only_the_newest_migration_is_brought_up_to_date(tmp_path: Path) -> None:
    folder = a_demo(tmp_path)
    remember_migrations(folder)
    applied = (folder / "migrations").read_text().splitlines()
    (folder / "migrations").write_text("\n".join(applied[:-1]))
    assert not begin_anew_if_outdated(folder)


@pytest.mark.parametrize("applied", [None, "booking 0001_initial another-digest"])
def test_a_demo_of_other_migrations_is_made_anew(tmp_path: Path, applied: str | None) -> None:
    folder = a_demo(tmp_path)
    if applied is not None:
        (folder / "migrations").write_text(applied)
    assert begin_anew_if_outdated(folder)
    assert not (folder / "servers").exists()
    assert not (folder / "mail").exists()
    assert (folder / "secret_key").read_text() == "kept"


def test_the_first_demo_in_a_folder_begins_without_a_word(tmp_path: Path) -> None:
    assert not begin_anew_if_outdated(tmp_path)
