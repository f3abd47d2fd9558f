"""A real IMAP server for tests: Dovecot, with a folder and a port of its own."""

import grp
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from imapclient import IMAPClient

from booking.local.processes import GuardedProcess, free_port
from booking.site.environment import ImapServer

_PASSWORD = "only-for-tests"
_SETTINGS = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = /dev/stderr
protocols = imap
ssl = no
disable_plaintext_auth = no
auth_failure_delay = 0
listen = 127.0.0.1
mail_location = maildir:{folder}/mail/%u
first_valid_uid = 1
first_valid_gid = 1
default_internal_user = {user}
default_login_user = {user}
default_internal_group = {group}
imap_capability = {capability}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
namespace inbox {{
  inbox = yes
}}
"""
_names = count(1)


class NoDovecot(Exception):
    """Dovecot is not here, or not one that these settings are for; the message says what to do."""


@dataclass
class Dovecot:
    """The running server, where every user name is an empty mailbox."""

    port: int

    def new_mailbox(self) -> "Mailbox":
        """A mailbox that nobody has used."""
        return Mailbox(
            ImapServer(
                host="127.0.0.1",
                port=self.port,
                username=f"replies{next(_names)}",
                password=_PASSWORD,
                use_tls=False,
                use_ssl=False,
                folder="INBOX",
                done_folder="Done",
            )
        )


@dataclass
class Mailbox:
    """One mailbox as people see it in their mail program."""

    server: ImapServer

    @contextmanager
    def opened(self, folder: str = "INBOX") -> Iterator[IMAPClient]:
        """A connection of a mail program."""
        with IMAPClient(self.server.host, port=self.server.port, ssl=False) as client:
            client.login(self.server.username, self.server.password)
            if client.folder_exists(folder):
                client.select_folder(folder)
            yield client

    def deliver(self, *mails: bytes) -> None:
        """Put mails into the inbox."""
        with self.opened() as client:
            for mail in mails:
                client.append("INBOX", mail)

    def flags(self, folder: str = "INBOX") -> list[set[bytes]]:
        """The flags of each mail in a folder, oldest first."""
        with self.opened(folder) as client:
            if not client.folder_exists(folder):
                return []
            found = client.get_flags(client.search("ALL"))
            return [set(found[uid]) - {b"\\Recent"} for uid in sorted(found)]


def find_dovecot() -> str:
    """The program. Raises `NoDovecot`."""
    program = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        raise NoDovecot("Dovecot is not installed (Debian: apt-get install dovecot-imapd).")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    if not version.stdout.startswith("2.3."):
        raise NoDovecot(f"These tests know the settings of Dovecot 2.3, not {version.stdout}")
    return program


@contextmanager
def dovecot(*, capability: str = "") -> Iterator[Dovecot]:
    """A server for as long as this lasts; `capability` replaces what it says that it can do."""
    program = find_dovecot()
    # As root it starts its helpers as the user who owns nothing; otherwise all are the same user.
    owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    group = grp.getgrgid(owner.pw_gid).gr_name
    # Not pytest's folder: that is closed to other users, and its path too long for sockets.
    with tempfile.TemporaryDirectory(prefix="dovecot-") as made:
        folder = Path(made)
        folder.chmod(0o711)
        (folder / "mail").mkdir()
        os.chown(folder / "mail", owner.pw_uid, owner.pw_gid)
        with _running(program, folder, owner, group, capability) as server:
            yield server


@contextmanager
def _running(
    program: str, folder: Path, owner: pwd.struct_passwd, group: str, capability: str
) -> Iterator[Dovecot]:
    port = free_port()
    settings = folder / "dovecot.conf"
    settings.write_text(
        _SETTINGS.format(
            folder=folder, user=owner.pw_name, group=group, uid=owner.pw_uid, gid=owner.pw_gid,
            port=port, password=_PASSWORD, capability=capability,
        )
    )  # fmt: skip
    server = GuardedProcess([program, "-F", "-c", str(settings)], log=folder / "dovecot.log")
    try:
        _wait(server, port)
        yield Dovecot(port)
    finally:
        server.stop(seconds=10)


def _wait(server: GuardedProcess, port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            with IMAPClient("127.0.0.1", port=port, ssl=False, timeout=2):
                return
        except OSError:
            assert server.exit_code is None, "\n".join(server.last_lines(10))
            assert time.monotonic() < deadline, "\n".join(server.last_lines(10))
            time.sleep(0.05)
