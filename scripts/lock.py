"""Write locks/: every package that `make` installs, with its version and the sha256 of its files.

    python -m scripts.lock

Run it after each change of a requirements file or of constraints.txt; a test says when it was forgotten. The hashes
are those that the package index gives for its files, taken by uv from an environment of its own (locks/tools.txt).
Wheels alone are allowed, so that installing runs no code of a package. The versions are worked out for each Python; a
package that some of them have no wheel of, or another version, stands with a marker.

| file | what |
| --- | --- |
| run.txt | what requirements.txt needs, torch and its CUDA packages aside |
| dev.txt | what requirements-dev.txt needs beside it |
| torch.txt | torch alone: the builds of the package index, and the CPU build named below |
| cuda.txt | what a CUDA build of torch needs |
| node.txt | npm, which scripts/fetch_3dmol.py borrows where the system has none |
| tools.txt | uv itself, and what lists licenses and components |
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.fetch_3dmol import NODE_WHEEL

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "locks"
#: sha256 of CPU builds for Python 3.11 on Linux x86-64, which no package index lists: of the files that were tested.
CPU_BUILDS = {"2.13.0": "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"}
#: The newest patch release that every package takes, for the oldest.
PYTHONS = {"3.11": "3.11.7", "3.12": "3.12", "3.13": "3.13", "3.14": "3.14"}
#: openmm's wheels ask for this much.
PLATFORM = "x86_64-manylinux_2_34"


def compiled(uv: Path, *arguments: str, lines: str = "", python: str = "3.11") -> dict[str, list[str]]:
    """The pinned requirements of a Python, by name, with the lines that state their hashes."""
    command = [str(uv), "pip", "compile", "--quiet", "--no-config", "--generate-hashes", "--only-binary", ":all:"]
    command += ["--python-version", PYTHONS[python], "--python-platform", PLATFORM, "--no-annotate", "--no-header"]
    with tempfile.TemporaryDirectory() as folder:
        # Versions in the file to be written are kept where constraints.txt leaves them open. Hashes would be kept too.
        output = Path(folder, "lock.txt")
        locks = "".join(lock.read_text() for lock in sorted(LOCKS.glob("*.txt")))
        output.write_text("\n".join(re.findall(r"^[a-z0-9][^ =]*==[^ ]+", locks, re.MULTILINE)))
        command += ["--output-file", str(output), *arguments]
        result = subprocess.run(command, cwd=ROOT, input=lines, capture_output=True, text=True)
        if result.returncode != 0:
            sys.exit(f"uv found no set of versions for Python {python}:\n{result.stderr}")
        found: dict[str, list[str]] = {}
        for line in output.read_text().splitlines():
            if name := re.match(r"[a-z0-9][a-z0-9._-]*(?===)", line):
                found[name[0]] = []
            found[list(found)[-1]].append(line)
    return found


def for_every_python(uv: Path, *arguments: str) -> dict[str, list[str]]:
    """The same by name and version, with a marker where not every Python has it."""
    found: dict[str, list[str]] = {}
    pythons: dict[str, list[str]] = {}
    for python in PYTHONS:
        for lines in compiled(uv, *arguments, python=python).values():
            pin = lines[0].removesuffix(" \\")
            found[pin] = lines
            pythons.setdefault(pin, []).append(python)
    for pin, having in pythons.items():
        if having != list(PYTHONS):
            oldest, following = having[0], [python for python in PYTHONS if python > having[-1]]
            limits = [f'>= "{oldest}"'] if oldest != "3.11" else []
            limits += [f'< "{python}"' for python in following[:1]]
            marker = " and ".join(f"python_version {limit}" for limit in limits)
            found[pin][0] = f"{pin} ; {marker} \\"
    return dict(sorted(found.items(), key=lambda item: item[0].split("==")))


def write(name: str, packages: dict[str, list[str]]) -> None:
    text = "# Written by scripts/lock.py.\n" + "".join(f"{line}\n" for lines in packages.values() for line in lines)
    (LOCKS / name).write_text(text)
    print(f"locks/{name}: {len(packages)} packages")


def of_cuda(pin: str) -> bool:
    return pin.startswith(("cuda-", "nvidia-", "triton=="))


def main() -> None:
    tools = ROOT / ".venv-tools" / "bin" / "uv"
    if not tools.is_file():
        sys.exit("uv is missing: make .venv-tools/.installed")
    run = for_every_python(tools, "requirements.txt")
    everything = for_every_python(tools, "requirements.txt", "requirements-dev.txt")
    torch = next(pin for pin in run if pin.startswith("torch=="))
    run[torch][-1] += " \\"
    run[torch].append(f"    --hash=sha256:{CPU_BUILDS[torch.partition('==')[2]]}")
    write("torch.txt", {torch: run.pop(torch)})
    write("run.txt", {pin: lines for pin, lines in run.items() if not of_cuda(pin)})
    write("dev.txt", {pin: lines for pin, lines in everything.items() if pin not in run and pin != torch})
    write("cuda.txt", {pin: lines for pin, lines in run.items() if of_cuda(pin)})
    write("node.txt", compiled(tools, "-", lines=NODE_WHEEL))
    write("tools.txt", compiled(tools, "requirements-tools.txt"))


if __name__ == "__main__":
    main()
