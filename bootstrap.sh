#!/bin/sh
# Makes .venv and installs what requirements-dev.txt pins, checking every hash. `make` calls it.
set -eu
cd "$(dirname "$0")"

# Newest first; the same as requires-python in pyproject.toml.
VERSIONS="3.14 3.13 3.12"
RANGE=">=3.12,<3.15"

# can PYTHON MODULES VERSIONS: whether it has these modules and is one of these versions.
# It is run to find out: a name on the path may be a shim with no Python behind it, and Debian's
# python3 comes without ensurepip.
can() {
    version=$("$1" -c "import sys, $2; print('%d.%d' % sys.version_info[:2])" 2>/dev/null) || return 1
    case " $3 " in
        *" $version "*) return 0 ;;
        *) return 1 ;;
    esac
}

# Prints $PYTHON if it will do, else the newest Python that will.
find_python() {
    if can "${PYTHON:-}" "venv, ensurepip" "$VERSIONS"; then
        echo "$PYTHON"
        return
    fi
    for wanted in $VERSIONS; do
        for candidate in "python$wanted" \
            "${PYENV_ROOT:-$HOME/.pyenv}/versions/$wanted"*/bin/python python3; do
            if can "$candidate" "venv, ensurepip" "$wanted"; then
                echo "$candidate"
                return
            fi
        done
    done
    return 1
}

if ! can .venv/bin/python pip "$VERSIONS"; then
    if python=$(find_python); then
        "$python" -m venv --clear .venv
    elif ! command -v uv >/dev/null || ! uv venv --quiet --clear --seed --python "$RANGE" .venv; then
        cat >&2 <<'END'
Python 3.12, 3.13 or 3.14 with its venv module was not found. Install one:
    Debian 13, Ubuntu 24.04 or later:  sudo apt install python3 python3-venv
    Fedora:                            sudo dnf install python3.14
    macOS:                             brew install python@3.14
    any other, such as Debian 12:      install uv, which then fetches a Python
or say where one is with PYTHON=/path/to/python3.
END
        exit 1
    fi
fi

# uv installs the rest; it is pinned, with its hashes, in the same list.
uv_pin=$(mktemp)
trap 'rm -f "$uv_pin"' EXIT
sed -n '/^uv==/,/[^\\]$/p' requirements-dev.txt >"$uv_pin"
.venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check --require-hashes -r "$uv_pin"
UV_LINK_MODE="${UV_LINK_MODE:-copy}" .venv/bin/uv pip sync --quiet --python .venv/bin/python \
    --require-hashes requirements-dev.txt
