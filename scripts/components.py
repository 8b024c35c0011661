"""What runs, for whoever must know: components as CycloneDX JSON, or packages with their licenses as CSV.

    python -m scripts.components --sbom dist/virialff.cdx.json
    python -m scripts.components --licenses dist/licenses.csv

Both look at the environment of the Python that runs this, leave out what only the tests need, and add 3Dmol.js, which
is no Python package.
"""

from __future__ import annotations

import argparse
import base64
import csv
import json
import re
import subprocess
import sys
from pathlib import Path

from scripts.fetch_3dmol import SHA512, VERSION
from virialff import __version__

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".venv-tools" / "bin"
VIEWER_LICENSE = "BSD-3-Clause"


def running() -> set[str]:
    """Names of the packages that run: those of the locks of run, torch and CUDA."""
    locks = "".join((ROOT / "locks" / f"{name}.txt").read_text() for name in ("run", "torch", "cuda"))
    return set(re.findall(r"^([a-z0-9._-]+)==", locks, re.MULTILINE))


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def called(program: str, *arguments: str) -> str:
    """What a program of the tools prints."""
    if not (TOOLS / program).is_file():
        sys.exit(f"{program} is missing: make .venv-tools/.installed")
    return subprocess.run([str(TOOLS / program), *arguments], check=True, capture_output=True, text=True).stdout


def bill_of_materials() -> dict:
    """Components with licenses and what depends on what, as CycloneDX 1.6."""
    project = str(ROOT / "pyproject.toml")
    bill = json.loads(called("cyclonedx-py", "environment", sys.executable, "--pyproject", project, "--of", "JSON"))
    names = running()
    kept = [part for part in bill["components"] if canonical(part["name"]) in names]
    viewer = {
        "bom-ref": f"3dmol@{VERSION}",
        "type": "library",
        "name": "3dmol",
        "version": VERSION,
        "purl": f"pkg:npm/3dmol@{VERSION}",
        "description": "the 3D view; the hash is of the npm package",
        "licenses": [{"license": {"id": VIEWER_LICENSE}}],
        "hashes": [{"alg": "SHA-512", "content": base64.b64decode(SHA512).hex()}],
    }
    bill["components"] = [*kept, viewer]
    root = bill["metadata"]["component"]
    root["version"] = __version__
    known = {root["bom-ref"], *(part["bom-ref"] for part in bill["components"])}
    bill["dependencies"] = [
        {**entry, "dependsOn": [ref for ref in entry.get("dependsOn", []) if ref in known]}
        for entry in [*bill["dependencies"], {"ref": viewer["bom-ref"]}]
        if entry["ref"] in known
    ]
    return bill


def licenses() -> list[dict[str, str]]:
    """Name, Version, License and URL of each package."""
    options = ["--python", sys.executable, "--format", "json", "--with-urls", "--from", "mixed", "--with-system"]
    names = running()
    rows = [row for row in json.loads(called("pip-licenses", *options)) if canonical(row["Name"]) in names]
    url = "https://www.npmjs.com/package/3dmol"
    return [*rows, {"Name": "3dmol", "Version": VERSION, "License": VIEWER_LICENSE, "URL": url}]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sbom", type=Path, metavar="FILE")
    parser.add_argument("--licenses", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    for file in filter(None, (arguments.sbom, arguments.licenses)):
        file.parent.mkdir(parents=True, exist_ok=True)
    if arguments.sbom:
        bill = bill_of_materials()
        arguments.sbom.write_text(json.dumps(bill, indent=1) + "\n")
        print(f"{arguments.sbom}: {len(bill['components'])} components")
    if arguments.licenses:
        rows = licenses()
        with arguments.licenses.open("w", newline="") as file:
            table = csv.DictWriter(file, ["Name", "Version", "License", "URL"])
            table.writeheader()
            table.writerows(rows)
        print(f"{arguments.licenses}: {len(rows)} packages")


if __name__ == "__main__":
    main()
