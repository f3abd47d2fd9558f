#!/bin/sh
# Makes .venv and installs what requirements-dev.txt pins, checking every hash. `make` calls it.
set -eu
cd "$(dirname "$0")"

# A name on the path may be a shim that cannot run, so each candidate is asked for its version.
is_313() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1
}

find_python() {
    for candidate in "${PYTHON:-}" python3.13 \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python python3; do
        if [ -n "$candidate" ] && is_313 "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "Python 3.13 was not found: install it, or say where it is with PYTHON=/path/to/python3.13." >&2
    exit 1
}

if ! is_313 .venv/bin/python; then
    python=$(find_python)
    "$python" -m venv --clear .venv
fi

# uv installs the rest; it is pinned, with its hashes, in the same list.
uv_pin=$(mktemp)
trap 'rm -f "$uv_pin"' EXIT
sed -n '/^uv==/,/[^\\]$/p' requirements-dev.txt >"$uv_pin"
.venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check --require-hashes -r "$uv_pin"
UV_LINK_MODE="${UV_LINK_MODE:-copy}" .venv/bin/uv pip sync --quiet --python .venv/bin/python \
    --require-hashes requirements-dev.txt
