"""The ways in beside `make`: what the Dockerfile and environment.yml install is what pyproject.toml and locks/ name."""

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
#: What conda-forge calls some packages of PyPI.
OF_CONDA = {"pytorch": "torch", "tblite-python": "tblite", "openmm-ml": "openmmml"}
#: Programs, and what conda itself needs.
OF_CONDA_ALONE = {"pip", "setuptools", "psi4", "crest", "qcelemental"}
#: On PyPI alone, for Python 3.11: left out.
LEFT_OUT = {"dgl", "xtb"}


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def asked_for() -> dict[str, SpecifierSet]:
    """By canonical name, the ranges of the library and all extras together."""
    found: dict[str, SpecifierSet] = {}
    groups = project()["optional-dependencies"]
    for text in [*project()["dependencies"], *(line for group in groups.values() for line in group)]:
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        found[name] = found.get(name, SpecifierSet()) & requirement.specifier
    return found


def of_environment() -> dict[str, SpecifierSet]:
    """The same from environment.yml, under the names of PyPI."""
    found: dict[str, SpecifierSet] = {}
    entries = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    for text in [line for entry in entries for line in (entry["pip"] if isinstance(entry, dict) else [entry])]:
        name, limits = re.findall(r"^([A-Za-z0-9_-]+) ?(.*)$", text)[0]
        found[canonicalize_name(OF_CONDA.get(name, name))] = SpecifierSet(limits)
    return found


def test_the_environment_of_conda_asks_for_what_the_package_asks_for():
    wanted, given = asked_for(), of_environment()
    assert given.pop("python") == SpecifierSet(project()["requires-python"])
    del given["xtb"]  # conda's is the program, PyPI's the library
    assert set(wanted) - set(given) == LEFT_OUT
    assert set(given) - set(wanted) <= OF_CONDA_ALONE
    for name in set(wanted) & set(given):
        # Of two lower limits of the package the higher one says it all.
        lowest = max(
            (limit.version for limit in wanted[name]), key=lambda text: [int(part) for part in text.split(".")]
        )
        assert str(given[name]) == f">={lowest}", name


def test_the_pins_are_within_the_environment_of_conda():
    pins = dict(re.findall(r"^([A-Za-z0-9_.-]+)==([^;\s]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    given = of_environment()
    checked = {name: version for name, version in pins.items() if canonicalize_name(name) in set(given) - LEFT_OUT}
    assert len(checked) > 20
    for name, version in checked.items():
        assert given[canonicalize_name(name)].contains(version), name


def docker() -> list[str]:
    """The instructions of the Dockerfile, each on one line."""
    lines = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    return [re.sub(r" +", " ", line) for line in lines if line and not line.startswith("#")]


def test_the_image_installs_the_locks_as_make_does():
    """Both stages are of the Python that `make` takes, and nothing but torch comes without its sha256."""
    lines = docker()
    make = (ROOT / "Makefile").read_text()
    assert [line.split()[1] for line in lines if line.startswith("FROM")] == ["python:3.11-slim-bookworm"] * 2
    installs = [
        part for line in lines if line.startswith("RUN") for part in line.split(" && ") if "pip install" in part
    ]
    (options,) = re.findall(r"^CHECKED_OPTIONS := (.*)$", make, re.MULTILINE)
    assert [part.removeprefix("RUN ").strip() for part in installs] == [
        f"pip {options} -r locks/run.txt",
        """pip install --index-url "$TORCH_INDEX" -c constraints.txt "$(grep '^torch==' requirements.txt)\"""",
        "pip install --no-deps --no-build-isolation .",
    ]
    assert "$(PIP) install --index-url $(TORCH_INDEX) -c constraints.txt $(TORCH)" in make
    copied = [name for line in lines if line.startswith("COPY") and "--from" not in line for name in line.split()[1:-1]]
    assert all((ROOT / name).exists() for name in copied)
