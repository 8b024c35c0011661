#!/bin/sh
# Install the Debian packages that the tests use, where we may; elsewhere say what is missing and what is left out.
set -eu

# program or file that proves it : Debian package : what is not tested without it
needs="
/usr/bin/psi4:psi4:the tests that run Psi4
/usr/share/psi4:psi4-data:the tests on Psi4's own molecule sets
/usr/bin/xtb:xtb:the checks of GFN2-xTB against the xtb program
/usr/sbin/slurmctld:slurmctld:the label campaigns on SLURM
/usr/sbin/slurmd:slurmd:the label campaigns on SLURM
/usr/bin/sbatch:slurm-client:the label campaigns on SLURM
/usr/sbin/munged:munge:the label campaigns on SLURM
/usr/bin/chromium:chromium:the browser tests and the offline check of the 3D view
"

missing=
report=
old_ifs=$IFS
IFS='
'
for line in $needs; do
    proof=${line%%:*}
    rest=${line#*:}
    package=${rest%%:*}
    tests=${rest#*:}
    if [ -e "$proof" ] || command -v "$(basename "$proof")" >/dev/null 2>&1; then
        continue
    fi
    missing="$missing $package"
    report="$report
  $package: $tests"
done
IFS=$old_ifs

[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086  # a list of package names
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
    exit 0
fi

if command -v apt-get >/dev/null 2>&1; then
    why="you are not root"
else
    why="this is not Debian"
fi
echo "Not installed, because $why; these tests are left out:$report" >&2
if command -v apt-get >/dev/null 2>&1; then
    echo "To run them too: sudo apt-get install --no-install-recommends$missing" >&2
fi
