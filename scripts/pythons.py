"""The wheel in a fresh environment of every Python at hand: alone and without a network, then with the app and tests.

    python -m scripts.pythons --tests tests/virialff/potential tests/virialff/test_ase.py > docs/logs/pythons.txt

Each Python that is found gets an environment below --folder, by uv (.venv-tools) from the hashes of locks/. First there
is only what the wheel itself asks for; then everything that has a wheel for this Python, for the app and pytest. Where
PIP_FIND_LINKS has a build of torch for the Python it is taken, elsewhere that of the package index with its gigabytes
of CUDA.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
UV = ROOT / ".venv-tools" / "bin" / "uv"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
#: Packages of the extras, none of which the wheel alone may need or bring.
EXTRAS = ("dgl", "xtb", "streamlit", "torchani", "pyscf", "openmm", "ase", "plotly", "pydantic", "numba")
#: What the wheel does alone.
COMMANDS = (
    ("params", "CCO"),
    ("energy", "CCO", "--generate", "3", "--method", "model,gfn2"),
    ("export", "CCO", "--to", "gromacs", "-o", "ethanol"),
)


def pythons_at_hand() -> dict[str, Path]:
    """The interpreters found, by version like "3.12": this one, those on the PATH and those of pyenv."""
    places = [Path(sys.executable)]
    places += [Path(place) for python in PYTHONS if (place := shutil.which(f"python{python}"))]
    places += sorted(Path("~/.pyenv/versions").expanduser().glob("*/bin/python"))
    found: dict[str, Path] = {}
    for interpreter in places:
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        result = subprocess.run([str(interpreter), "-c", code], capture_output=True, text=True)
        version = result.stdout.strip()
        if result.returncode == 0 and version in PYTHONS:
            found.setdefault(version, interpreter)
    return dict(sorted(found.items()))


def needed(python: str) -> set[str]:
    """Canonical names of what the wheel itself asks for on a Python, to the last; as far as installed here."""
    todo = list(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"])
    found: set[str] = set()
    while todo:
        requirement = Requirement(todo.pop())
        name = canonicalize_name(requirement.name)
        wanted = requirement.marker is None or requirement.marker.evaluate({"extra": "", "python_version": python})
        if wanted and name not in found:
            found.add(name)
            todo += importlib.metadata.requires(name) or []
    return found


def locked(names: set[str], lock: str) -> str:
    """The lines of a lock for these packages, with their hashes."""
    packages = re.split(r"^(?=[a-z0-9])", (ROOT / "locks" / f"{lock}.txt").read_text(), flags=re.MULTILINE)
    return "".join(package for package in packages if package.partition("==")[0] in names)


def run(command: Sequence[str | Path], folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("VIRIALFF_", "PYTHON"))}
    environment |= {"XDG_DATA_HOME": str(folder / "data"), "XDG_CACHE_HOME": str(folder / "cache")} | settings
    return subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True, env=environment)


def install(python: Path, requirements: Path, folder: Path) -> None:
    checked = [
        "--quiet",
        "--python",
        str(python),
        "--no-config",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--require-hashes",
    ]
    result = run([UV, "pip", "install", *checked, "-r", requirements], folder)
    if result.returncode != 0:
        sys.exit(f"what is in {requirements} cannot be installed:\n{result.stderr}")


def install_torch(python: Path, folder: Path) -> None:
    """A build that lies on this machine (PIP_FIND_LINKS), as `make` takes it, or that of the package index."""
    locks = ROOT / "locks"
    checked = ["--quiet", "--no-index", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    here = [sys.executable, "-m", "pip", "--python", str(python), "install", *checked, "-r", str(locks / "torch.txt")]
    if run(here, folder).returncode != 0:
        install(python, locks / "torch.txt", folder)
        install(python, locks / "cuda.txt", folder)


def offline() -> list[str]:
    """What goes before a command so that it has no network."""
    cut = ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") is None or subprocess.run([*cut, "true"], capture_output=True).returncode != 0:
        sys.exit("this needs unshare of util-linux, and the right to make a network namespace")
    return cut


def answers(command: Sequence[str | Path], folder: Path) -> bool:
    """Whether `virialff app` answers within five minutes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with open(folder / "app.log", "w") as log:
        app = subprocess.Popen([*map(str, command), "--port", str(port)], cwd=folder, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and app.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5) as response:
                    return bool(response.read() == b"ok")
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)
        return False
    finally:
        app.terminate()
        app.wait(timeout=60)


def check(version: str, interpreter: Path, wheel: Path, folder: Path, tests: list[str]) -> bool:
    """Go through one Python, printing what was seen; whether all was well."""
    folder.mkdir(parents=True)
    python = folder / "bin" / "python"
    run([UV, "venv", "--quiet", "--allow-existing", "--python", interpreter, folder], ROOT)
    alone = folder / "alone.txt"
    alone.write_text(locked(needed(version) - {"torch"}, "run"))
    install(python, alone, folder)
    install_torch(python, folder)
    run([UV, "pip", "install", "--quiet", "--python", python, "--no-deps", wheel], folder)  # *checked: built here

    what = "import importlib.metadata as m, torch; print(len(list(m.distributions())), torch.__version__)"
    count, torch = run([python, "-c", what], folder).stdout.split()
    full = run([python, "-c", "import sys; print(sys.version.split()[0])"], folder).stdout.strip()
    print(f"Python {full}: the wheel and {int(count) - 1} packages, torch {torch}", flush=True)
    brought = f"import importlib.util as u; print([name for name in {EXTRAS!r} if u.find_spec(name)])"
    well = run([python, "-c", brought], folder).stdout.strip() == "[]"
    print(f"  of the extras there is {'none' if well else 'some: a fault'}")
    for arguments in COMMANDS:
        result = run([*offline(), folder / "bin" / "virialff", *arguments], folder)
        said = (result.stdout.strip() or result.stderr.strip() or "nothing said").splitlines()
        well &= result.returncode == 0
        print(
            f"  virialff {' '.join(arguments)}: {'ok' if result.returncode == 0 else 'FAILED'}; {said[0]}", flush=True
        )

    # Markers leave out what this Python has no wheel of.
    install(python, ROOT / "locks" / "run.txt", folder)
    install(python, ROOT / "locks" / "dev.txt", folder)
    absent = f"import importlib.util as u; print(*[name for name in {EXTRAS!r} if not u.find_spec(name)])"
    print(f"  without a wheel: {run([python, '-c', absent], folder).stdout.strip() or 'none'}")
    started = answers([folder / "bin" / "virialff", "app"], folder)
    well &= started
    print(f"  virialff app: {'answers' if started else 'FAILED'}", flush=True)
    if tests:
        settings = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        result = run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", "--rootdir", ROOT,
                      "-c", ROOT / "pyproject.toml", *(ROOT / test for test in tests)], folder, **settings)  # fmt: skip
        well &= result.returncode == 0
        (folder / "pytest.log").write_text(result.stdout + result.stderr)
        print(f"  pytest {' '.join(tests)}: {result.stdout.strip().splitlines()[-1]}")
        for line in result.stdout.splitlines():
            if line.startswith(("FAILED", "ERROR", "SKIPPED")):
                print(f"    {line[:150]}")
    return well


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "pythons", help="default %(default)s")
    parser.add_argument("--tests", nargs="*", default=["tests/virialff"], help="default %(default)s")
    parser.add_argument("--only", nargs="*", help="these versions alone, like 3.13")
    arguments = parser.parse_args()
    if not UV.is_file():
        sys.exit("uv is missing: make .venv-tools/.installed")
    shutil.rmtree(arguments.folder, ignore_errors=True)
    arguments.folder.mkdir(parents=True)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    result = run([*build, "-w", arguments.folder, ROOT], arguments.folder)
    if result.returncode != 0:
        sys.exit(f"the wheel cannot be built:\n{result.stderr}")
    (wheel,) = arguments.folder.glob("*.whl")
    print(f"{wheel.name}, {wheel.stat().st_size / 1e6:.1f} MB; commands run without a network", flush=True)
    at_hand = pythons_at_hand()
    well = True
    for version, interpreter in at_hand.items():
        if not arguments.only or version in arguments.only:
            well &= check(version, interpreter, wheel, arguments.folder / version, arguments.tests)
    if missing := [version for version in PYTHONS if version not in at_hand]:
        print(f"not at hand: {', '.join(missing)}; locks/ has versions and hashes for it, which were never run")
    sys.exit(0 if well else 1)


if __name__ == "__main__":
    main()
