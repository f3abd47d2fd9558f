"""`bootstrap.sh` takes the Python that a fresh machine has: the newest that really runs.

The machine is a folder: its path holds stand-ins that claim a version, and nothing else that is
called Python.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RANGE: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
OLDEST, BEFORE = (int(minor) for minor in re.findall(r"3\.(\d+)", RANGE))
ACCEPTED = [f"3.{minor}" for minor in range(OLDEST, BEFORE)]
OWN = f"3.{sys.version_info.minor}"
BROKEN = "#!/bin/sh\necho 'command not found' >&2\nexit 127\n"
MAKES_VENV = """
mkdir -p .venv/bin
cp "$stand_in" .venv/bin/python
printf '#!/bin/sh\\n' >.venv/bin/uv
chmod +x .venv/bin/uv
"""


def python(version: str) -> str:
    """A stand-in for a Python of this version; the .venv it makes is of this version too."""
    return f"""#!/bin/sh
stand_in=$0
case "$1 $2" in
    -c*) echo {version} ;;
    "-m venv") {MAKES_VENV} ;;
esac
"""


@dataclass
class Machine:
    """A checkout on a machine that has only the basic tools."""

    folder: Path

    @property
    def path(self) -> Path:
        """The only folder on the path."""
        return self.folder / "bin"

    def has(self, name: str, program: str) -> str:
        """Put a program on the path, or where its name says in the home folder; returns where."""
        file = self.folder / name if "/" in name else self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(program)
        file.chmod(0o755)
        return str(file)

    def bootstrap(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run it as `make` does."""
        return subprocess.run(
            ["/bin/sh", self.folder / "checkout" / "bootstrap.sh"],
            env={"PATH": str(self.path), "HOME": str(self.folder), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def venv_version(self, **environment: str) -> str:
        """The version of the .venv that it makes."""
        outcome = self.bootstrap(**environment)
        assert outcome.returncode == 0, outcome.stderr
        made = self.folder / "checkout" / ".venv" / "bin" / "python"
        return subprocess.check_output(
            [made, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], text=True
        ).strip()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without any Python."""
    found = Machine(tmp_path)
    found.path.mkdir()
    for tool in ("cat", "chmod", "cp", "dirname", "mkdir", "mktemp", "rm", "sed"):
        where = shutil.which(tool)
        assert where is not None
        (found.path / tool).symlink_to(where)
    (tmp_path / "checkout").mkdir()
    shutil.copy(ROOT / "bootstrap.sh", tmp_path / "checkout")
    (tmp_path / "checkout" / "requirements-dev.txt").touch()
    return found


@pytest.mark.parametrize("version", ACCEPTED)
def test_every_version_that_the_project_accepts_will_do(machine: Machine, version: str) -> None:
    machine.has("python3", python(version))
    assert machine.venv_version() == version


@pytest.mark.parametrize("version", [f"3.{OLDEST - 1}", f"3.{BEFORE}"])
def test_no_other_version_will_do(machine: Machine, version: str) -> None:
    machine.has(f"python{version}", python(version))
    machine.has("python3", python(version))
    assert machine.bootstrap().returncode == 1


@pytest.mark.parametrize("newest", ["python3", "python3.14", ".pyenv/versions/3.14.2/bin/python"])
def test_the_newest_is_taken_wherever_it_is(machine: Machine, newest: str) -> None:
    machine.has("python3", python("3.12"))
    machine.has("python3.13", python("3.13"))
    machine.has(".pyenv/versions/3.12.9/bin/python", python("3.12"))
    machine.has(newest, python("3.14"))
    assert machine.venv_version() == "3.14"


def test_the_one_that_is_named_comes_first(machine: Machine) -> None:
    machine.has("python3", python("3.14"))
    named = machine.has("elsewhere/python", python("3.12"))
    assert machine.venv_version(PYTHON=named) == "3.12"


def test_a_shim_with_no_python_behind_it_is_passed_over(machine: Machine) -> None:
    machine.has("python3.14", BROKEN)
    machine.has("python3.13", BROKEN)
    machine.has("python3", python("3.12"))
    assert machine.venv_version(PYTHON=machine.has("elsewhere/python", BROKEN)) == "3.12"


def test_a_python_without_ensurepip_is_passed_over(machine: Machine) -> None:
    lacking = machine.folder / "lacking"
    lacking.mkdir()
    (lacking / "ensurepip.py").write_text("raise ImportError")
    named = machine.has(
        "elsewhere/python", f'#!/bin/sh\nPYTHONPATH={lacking} exec {sys.executable} "$@"\n'
    )
    other = next(version for version in ACCEPTED if version != OWN)
    machine.has("python3", python(other))
    assert machine.venv_version(PYTHON=named) == other


def test_uv_fetches_one_where_there_is_none(machine: Machine) -> None:
    fetched = machine.has("elsewhere/python", python("3.13"))
    machine.has("python3", python("3.11"))
    machine.has("uv", f'#!/bin/sh\necho "$@" >../asked\nstand_in={fetched}\n{MAKES_VENV}')
    assert machine.venv_version() == "3.13"
    asked = (machine.folder / "asked").read_text().split()
    assert asked[0] == "venv"
    assert asked[asked.index("--python") + 1] == RANGE


def test_uv_is_not_asked_where_there_is_one(machine: Machine) -> None:
    machine.has("uv", BROKEN)
    machine.has("python3", python("3.12"))
    assert machine.venv_version() == "3.12"


@pytest.mark.parametrize("has_uv", [False, True])
def test_where_there_is_none_it_says_what_to_install(machine: Machine, has_uv: bool) -> None:
    if has_uv:
        machine.has("uv", BROKEN)
    outcome = machine.bootstrap()
    assert outcome.returncode == 1
    assert all(version in outcome.stderr for version in ACCEPTED)
    assert "apt install python3 python3-venv" in outcome.stderr
    assert not (machine.folder / "checkout" / ".venv").exists()


@pytest.mark.parametrize(
    ("found", "version"),
    [(python("3.12"), "3.12"), (python("3.11"), "3.14"), (BROKEN, "3.14")],
    ids=["accepted", "of another version", "broken"],
)
def test_a_venv_is_kept_if_it_will_do_and_made_anew_if_not(
    machine: Machine, found: str, version: str
) -> None:
    machine.has("checkout/.venv/bin/python", found)
    machine.has("checkout/.venv/bin/uv", "#!/bin/sh\n")
    machine.has("python3", python("3.14"))
    assert machine.venv_version() == version
