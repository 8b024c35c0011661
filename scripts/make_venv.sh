#!/bin/sh
# Make .venv with Python 3.11, or say in one sentence why that cannot be.
# Usage: make_venv.sh FOLDER [PYTHON]
set -eu
folder=$1
wanted=${2:-}

fail() {
    echo "virialff: $1" >&2
    exit 1
}

[ "$(uname -s)" = Linux ] && [ "$(uname -m)" = x86_64 ] || fail \
    "this is $(uname -s) on $(uname -m), and the xtb and dgl wheels exist only for Linux on x86_64: use such a machine, a virtual one or WSL 2."

version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true
}

python=
for candidate in ${wanted:-python3.11 python3 python}; do
    if [ "$(version_of "$candidate")" = 3.11 ]; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    if [ -n "$wanted" ]; then
        found=$(version_of "$wanted")
        [ -n "$found" ] || fail "$wanted does not run as a Python; name a Python 3.11, for example make PYTHON=/usr/bin/python3.11."
        fail "$wanted is Python $found, and only Python 3.11 will do, the newest that the xtb and dgl wheels serve."
    fi
    fail "no Python 3.11 was found, the newest that the xtb and dgl wheels serve: install it (Debian 12: apt-get install python3.11-venv) or name it with make PYTHON=/path/to/python3.11."
fi

"$python" -c 'import ensurepip, venv' 2>/dev/null || fail \
    "$python has no venv module: install it (Debian: apt-get install python3.11-venv)."
"$python" -m venv "$folder" || fail "$python could not make a virtual environment in $folder."
