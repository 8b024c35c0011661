#!/bin/sh
# Make .venv with Python 3.11, or the one that is named, or say in one sentence why that cannot be.
# Usage: make_venv.sh FOLDER [PYTHON]
set -eu
folder=$1
wanted=${2:-}

fail() {
    echo "virialff: $1" >&2
    exit 1
}

[ "$(uname -s)" = Linux ] && [ "$(uname -m)" = x86_64 ] || fail \
    "this is $(uname -s) on $(uname -m), and the hashes of locks/ are for Linux on x86_64: use such a machine, a virtual one or WSL 2."

version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true
}

python=
if [ -n "$wanted" ]; then
    found=$(version_of "$wanted")
    case "$found" in
    3.11) ;;
    3.12 | 3.13 | 3.14) echo "virialff: Python $found goes without DGL and xtb-python, whose wheels end at Python 3.11." >&2 ;;
    '') fail "$wanted does not run as a Python; name one of 3.11 to 3.14, for example make PYTHON=/usr/bin/python3.11." ;;
    *) fail "$wanted is Python $found, and it takes one of 3.11 to 3.14." ;;
    esac
    python=$wanted
else
    for candidate in python3.11 python3 python; do
        if [ "$(version_of "$candidate")" = 3.11 ]; then
            python=$candidate
            break
        fi
    done
    [ -n "$python" ] || fail "no Python 3.11 was found, the newest that the xtb and dgl wheels serve: install it (Debian 12: apt-get install python3.11-venv), or name a Python of 3.11 to 3.14 with make PYTHON=/path/to/python."
fi

"$python" -c 'import ensurepip, venv' 2>/dev/null || fail \
    "$python has no venv module: install it (Debian: apt-get install python3-venv)."
"$python" -m venv "$folder" || fail "$python could not make a virtual environment in $folder."
