"""What each program of an installation takes of the processors and of memory, read from /proc."""

import os
import resource
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
# A word of the command that started a program, and what the program is called.
_PROGRAMS = (
    ("granian", "web"),
    ("gunicorn", "web"),
    ("worker", "worker"),
    ("beat", "clock"),
    ("postgres", "PostgreSQL"),
    ("valkey-server", "Valkey"),
    ("booking.local.smtp_sink", "mail sink"),
)
GENERATOR = "load generator"
OTHERS = "other work on this machine"


def keep_to_two_processors() -> int:
    """Let this process, and all that it starts from now on, run on two processors only.

    Returns how many those are: one, on a machine that has no more.
    """
    chosen = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, chosen)
    return len(chosen)


def allow_many_connections() -> None:
    """Raise the number of open files of this process as far as the system lets it."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@dataclass(frozen=True)
class Reading:
    """Since they began: seconds of processors by program, and of those in use for anybody."""

    programs: Mapping[str, float]
    busy: float
    whole: float

    @classmethod
    def now(cls) -> "Reading":
        """As it is at this moment. Threads of this process count as the load generator."""
        seconds: dict[str, float] = {}
        for name, tree in _programs().items():
            seconds[name] = sum(_seconds(stat) for stat in tree)
        seconds[GENERATOR] = sum(os.times()[:2])
        busy, whole = _of_the_machine()
        return cls(programs=seconds, busy=busy, whole=whole)


@dataclass(frozen=True)
class Shares:
    """What was taken between two readings."""

    before: Reading
    after: Reading = field(default_factory=Reading.now)

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds of processors by program, the most first, and of everybody else's work."""
        taken = {
            name: spent - self.before.programs.get(name, 0.0)
            for name, spent in self.after.programs.items()
        }
        others = self.after.busy - self.before.busy - sum(taken.values())
        return {
            **dict(sorted(taken.items(), key=lambda each: -each[1])),
            OTHERS: max(others, 0.0),
        }

    @property
    def whole(self) -> float:
        """Seconds of processors that there were, used or not."""
        return self.after.whole - self.before.whole

    @property
    def words(self) -> str:
        """For a note: the share of the processors that each took."""
        parts = [f"{name} {spent / self.whole:.0%}" for name, spent in self.seconds.items()]
        idle = 1 - sum(self.seconds.values()) / self.whole
        return ", ".join([*parts, f"idle {max(idle, 0.0):.0%}"])


def resident() -> dict[str, int]:
    """Bytes of memory that each program and its children hold now, shared pages in each."""
    return {name: sum(int(stat[21]) * _PAGE for stat in tree) for name, tree in _programs().items()}


def _programs() -> dict[str, list[list[str]]]:
    """Of each program that this process has started: the numbers of it and its descendants."""
    children: dict[int, list[int]] = {}
    stats: dict[int, list[str]] = {}
    for folder in _PROC.iterdir():
        if folder.name.isdigit() and (stat := _stat(folder)):
            stats[int(folder.name)] = stat
            children.setdefault(int(stat[1]), []).append(int(folder.name))
    found: dict[str, list[list[str]]] = {}
    for pid in children.get(os.getpid(), []):
        name = _name(pid)
        if name:
            found.setdefault(name, []).extend(_tree(pid, children, stats))
    return found


def _tree(
    pid: int, children: Mapping[int, list[int]], stats: Mapping[int, list[str]]
) -> list[list[str]]:
    return [
        stats[pid],
        *(stat for child in children.get(pid, []) for stat in _tree(child, children, stats)),
    ]


def _name(pid: int) -> str | None:
    try:
        command = (_PROC / str(pid) / "cmdline").read_bytes().decode().split("\0")
    except OSError:
        return None
    words = {part.rpartition("/")[2] for part in command}
    return next((name for word, name in _PROGRAMS if word in words), None)


def _stat(folder: Path) -> list[str] | None:
    """The numbers of proc_pid_stat(5) from the third on; None if the process has ended."""
    try:
        return (folder / "stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return None


def _seconds(stat: list[str]) -> float:
    """Of processors, with those of children that have ended."""
    return sum(int(ticks) for ticks in stat[11:15]) / _TICKS


def _of_the_machine() -> tuple[float, float]:
    """Seconds in use and seconds in all, of the processors that this process may run on."""
    busy = whole = 0.0
    mine = {f"cpu{number}" for number in os.sched_getaffinity(0)}
    for line in (_PROC / "stat").read_text().splitlines():
        name, *ticks = line.split()
        if name in mine:
            # user, nice, system, idle, waiting for a disk, interrupts (two), taken by a host
            numbers = [int(each) for each in ticks[:8]]
            whole += sum(numbers) / _TICKS
            busy += (sum(numbers) - numbers[3] - numbers[4]) / _TICKS
    return busy, whole
