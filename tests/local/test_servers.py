"""The embedded servers: what they hand out, that they stop, and that a killed run leaves none."""

import os
import smtplib
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
import redis

from booking.local.processes import (
    GuardedProcess,
    ServersRefused,
    free_port,
    lock_folder,
    port_in_use,
)
from booking.local.servers import EmbeddedServers, Valkey, first_free_folder
from booking.local.smtp_sink import SmtpSink


@pytest.fixture
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that names no server."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)


def answers(url: str) -> bool:
    """Whether a Valkey answers at this address."""
    with redis.Redis.from_url(url) as cache:
        try:
            return bool(cache.ping())
        except redis.ConnectionError:
            return False


@pytest.mark.usefixtures("nothing_given")
@pytest.mark.parametrize("name", ["plain", "it's 100% a name", "deep/" + "d" * 100])
def test_servers_start_in_any_folder_and_keep_their_data(tmp_path: Path, name: str) -> None:
    with (
        EmbeddedServers(tmp_path / name, durable=False) as servers,
        psycopg.connect(servers.database_url) as link,
        redis.Redis.from_url(servers.redis_url) as cache,
    ):
        link.execute("CREATE TABLE kept AS SELECT 1 AS one")
        link.execute("CREATE EXTENSION pg_trgm")
        assert cache.ping()
    with (
        EmbeddedServers(tmp_path / name, durable=False) as servers,
        psycopg.connect(servers.database_url) as link,
    ):
        assert link.execute("SELECT current_database(), one FROM kept").fetchone() == ("briefed", 1)
        connections = link.execute("SHOW max_connections").fetchone()
        assert connections is not None
        assert int(connections[0]) >= 200


@pytest.mark.usefixtures("nothing_given")
def test_one_folder_serves_one_process_at_a_time(tmp_path: Path) -> None:
    with lock_folder(tmp_path), pytest.raises(ServersRefused, match="already uses"):
        EmbeddedServers(tmp_path).start()


def test_a_held_folder_is_passed_over(tmp_path: Path) -> None:
    with lock_folder(tmp_path / "0"):
        assert first_free_folder(tmp_path) == tmp_path / "1"
    assert first_free_folder(tmp_path) == tmp_path / "0"


def test_servers_that_are_given_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://db.example/briefed")
    monkeypatch.setenv("REDIS_URL", "redis://cache.example/0")
    with EmbeddedServers(tmp_path) as servers:
        assert servers.database_url == "postgresql://db.example/briefed"
        assert servers.redis_url == "redis://cache.example/0"
        assert not (tmp_path / "pgdata").exists()


@pytest.mark.usefixtures("nothing_given")
def test_broken_test_data_are_made_anew(tmp_path: Path) -> None:
    with EmbeddedServers(tmp_path, durable=False):
        pass
    (tmp_path / "pgdata" / "global" / "pg_control").write_bytes(b"broken")
    with (
        EmbeddedServers(tmp_path, durable=False) as servers,
        psycopg.connect(servers.database_url) as link,
    ):
        assert link.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.usefixtures("nothing_given")
def test_a_killed_run_leaves_no_server_and_the_next_run_starts(tmp_path: Path) -> None:
    killed = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path;"
            "from booking.local.servers import EmbeddedServers;"
            "servers = EmbeddedServers(Path(sys.argv[1])); servers.start();"
            "print(servers.redis_url, flush=True); time.sleep(600)",
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert killed.stdout is not None
    with killed.stdout as output:
        url = output.readline().strip()
    # PostgreSQL removes this file as the last thing it does.
    postmaster = tmp_path / "pgdata" / "postmaster.pid"
    assert postmaster.exists()
    assert answers(url)
    killed.kill()
    killed.wait()
    deadline = time.monotonic() + 20
    while postmaster.exists() or answers(url):
        assert time.monotonic() < deadline, "a server is still up"
        time.sleep(0.05)
    with (
        EmbeddedServers(tmp_path) as servers,
        psycopg.connect(servers.database_url) as link,
    ):
        assert link.execute("SELECT 1").fetchone() == (1,)


def test_valkey_comes_back_on_the_same_port(tmp_path: Path) -> None:
    valkey = Valkey(tmp_path)
    valkey.start()
    url = valkey.url
    try:
        valkey.stop()
        assert not answers(url)
        valkey.start()
        assert valkey.url == url
        assert answers(url)
    finally:
        valkey.stop()


def test_a_command_runs_with_servers_and_its_exit_code_is_kept() -> None:
    show = "import os, sys; print(os.environ['DATABASE_URL'][:10]); sys.exit(7)"
    outcome = subprocess.run(
        [sys.executable, "-m", "booking.local.servers", "--", sys.executable, "-c", show],
        env={name: text for name, text in os.environ.items() if not name.endswith("_URL")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (7, "postgresql\n", "")


def test_a_stubborn_program_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    program = GuardedProcess(["/bin/sh", "-c", "trap '' INT; echo up; sleep 60"], log=log)
    while "up" not in log.read_text():
        time.sleep(0.01)
    program.stop(seconds=0.1)
    assert program.exit_code == -9
    assert program.last_lines(5) == ["up"]


def test_a_taken_port_is_noticed(tmp_path: Path) -> None:
    with SmtpSink(tmp_path) as sink:
        assert port_in_use(sink.port)
    assert not port_in_use(free_port())


def test_the_sink_stores_mail_with_its_envelope(smtp_sink: SmtpSink) -> None:
    with smtplib.SMTP("127.0.0.1", smtp_sink.port) as client:
        for number in range(3):
            client.sendmail(
                "from@briefed.example",
                ["one@agency.example", "two@agency.example"],
                f"Subject: {number}\r\n\r\nHello\r\n.dot\r\n".encode(),
            )
    stored = smtp_sink.messages()
    assert [mail.message["Subject"] for mail in stored] == ["0", "1", "2"]
    assert stored[0].sender == "from@briefed.example"
    assert stored[0].recipients == ["one@agency.example", "two@agency.example"]
    assert stored[0].message.get_content().splitlines() == ["Hello", ".dot"]
    smtp_sink.clear()
    assert smtp_sink.messages() == []
