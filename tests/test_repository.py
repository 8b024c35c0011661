"""Promises of the checkout: every dependency is pinned, used and explained, metadata agree."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import virialff
from scripts.fetch_3dmol import NODE_WHEEL

ROOT = Path(__file__).resolve().parent.parent
CODE = ("app.py", "main.py", "pages", "perf", "scripts", "tests", "training", "virialff")
SHIPPED = ("app.py", "main.py", "pages", "training", "virialff")
OURS = {"app", "pages", "perf", "scripts", "tests", "training", "virialff"}
#: Pinned without an import statement: what installs the checkout, and the programs that an engine imports by name.
INSTALLER = {"setuptools"}
IMPORTED_BY_NAME = {"tblite": "virialff/engines/xtb.py", "xtb": "virialff/engines/xtb.py"}
#: Pinned for Streamlit, which imports it at the first login.
OF_THE_LOGIN = {"authlib": "virialff/commands/app.py", "httpx": "virialff/commands/app.py"}


def python_files(*places: str) -> list[Path]:
    found = []
    for place in places:
        path = ROOT / place
        found += [path] if path.is_file() else sorted(path.rglob("*.py"))
    return found


#: What the checkout uses where a user has it, and does without elsewhere.
ELSEWHERE = {"psi4", "qcdb", "cupy", "gpu4pyscf", "atheris"}


PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def pins(name: str, python: str = PYTHON) -> dict[str, str]:
    """Canonical name and version of each line of a requirements file for a Python; one that is no pin fails."""
    found: dict[str, str] = {}
    for line in (ROOT / name).read_text().splitlines():
        if not line.strip() or line.startswith(("#", "-c ")):
            continue
        line, _, marker = line.partition("; ")
        match = re.fullmatch(r"([A-Za-z0-9_.-]+)==([0-9][A-Za-z0-9.]*)", line)
        assert match, f"{name}: {line!r} is not a pin"
        if marker and not Marker(marker).evaluate({"python_version": python}):
            continue
        found[canonicalize_name(match[1])] = match[2]
    assert found
    return found


def imported(files: list[Path]) -> set[str]:
    """Canonical names of the distributions whose modules the files import."""
    modules: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                modules.add(node.module.partition(".")[0])
    distributions = importlib.metadata.packages_distributions()
    unknown = {module for module in modules - sys.stdlib_module_names - OURS - ELSEWHERE if module not in distributions}
    assert unknown == set(), "imported and not installed"
    return {canonicalize_name(name) for module in modules - OURS for name in distributions.get(module, [])}


def test_everything_imported_is_pinned():
    assert imported(python_files(*SHIPPED)) - set(pins("requirements.txt")) == set()
    everywhere = set(pins("requirements.txt")) | set(pins("requirements-dev.txt")) | {"packaging"}
    assert imported(python_files(*CODE)) - everywhere == set()


def test_everything_pinned_is_imported():
    assert set(pins("requirements.txt")) - imported(python_files(*SHIPPED)) == INSTALLER | set(IMPORTED_BY_NAME) | set(
        OF_THE_LOGIN
    )
    for name, file in OF_THE_LOGIN.items():
        assert f'"{name}"' in (ROOT / file).read_text()
    for name, file in IMPORTED_BY_NAME.items():
        assert f'"{name}.interface"' in (ROOT / file).read_text()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_has_its_reason(name):
    reasons = (ROOT / "docs" / "dependencies.md").read_text()
    given = {canonicalize_name(match) for match in re.findall(r"^\| `([^`]+)` \| [^|]{12,} \|$", reasons, re.MULTILINE)}
    assert set(pins(name)) - given == set()


def test_constraints_agree_with_requirements():
    fixed = pins("constraints.txt")
    for name in ("requirements.txt", "requirements-dev.txt"):
        assert {package: fixed.get(package) for package in pins(name)} == pins(name)


def test_constraints_hold_everything_installed():
    """Whatever the requirements draw in has a fixed version, the CUDA packages of torch aside."""
    fixed = pins("constraints.txt")
    todo = [canonicalize_name(name) for name in (*pins("requirements.txt"), *pins("requirements-dev.txt"))]
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        for text in importlib.metadata.requires(name) or []:
            requirement = Requirement(text)
            cuda = requirement.name.startswith(("nvidia-", "cuda-")) or requirement.name == "triton"
            if not cuda and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
                todo.append(canonicalize_name(requirement.name))
    assert seen - set(fixed) == set()
    installed = {name: importlib.metadata.version(name).partition("+")[0] for name in seen}
    assert {name: fixed[name] for name in seen} == installed


def locked(name: str, python: str = PYTHON) -> dict[str, str]:
    """Canonical name and version of each package of a lock that is for this Python; one without a sha256 fails."""
    text = (ROOT / "locks" / f"{name}.txt").read_text()
    found: dict[str, str] = {}
    for package in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]:
        match = re.fullmatch(
            r"([a-z0-9._-]+)==([^ ]+)(?: ; ([^\\]+))?(?: \\\n {4}--hash=sha256:[0-9a-f]{64})+\n", package
        )
        assert match, f"locks/{name}.txt: {package[:80]!r} is no version with its hashes"
        if not match[3] or Marker(match[3]).evaluate({"python_version": python}):
            found[match[1]] = match[2]
    return found


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_locks_hold_what_the_constraints_fix(python):
    """Where this fails, `make lock` was forgotten after a change of the requirements."""
    fixed = pins("constraints.txt", python)
    run, dev, torch = locked("run", python), locked("dev", python), locked("torch", python)
    assert {**run, **dev, **torch} == fixed
    assert set(run) & set(dev) == set()
    assert set(pins("requirements.txt", python)) - set(run) == set(torch) == {"torch"}
    assert set(pins("requirements-dev.txt", python)) <= set(run) | set(dev)
    assert {"dgl", "xtb"} & set(run) == ({"dgl", "xtb"} if python == "3.11" else set())
    assert pins("requirements-tools.txt").items() <= locked("tools").items()
    assert all(name.startswith(("cuda-", "nvidia-")) or name == "triton" for name in locked("cuda"))
    assert NODE_WHEEL in {f"{name}=={version}" for name, version in locked("node").items()}


def test_nothing_is_installed_unchecked():
    """The one exception is torch from an index that the user names."""
    files = [ROOT / "Makefile", ROOT / ".ci" / "run", *(ROOT / "scripts").iterdir()]
    text = "".join(file.read_text() for file in files if file.is_file()).replace('", "', " ")
    assert "extra-index-url" not in text
    installs = [line.strip() for line in text.splitlines() if re.search(r"(pip|\(PIP\)) install", line)]
    unchecked = [line for line in installs if "*checked" not in line and "--no-build-isolation -e ." not in line]
    assert unchecked == ["$(PIP) install --index-url $(TORCH_INDEX) -c constraints.txt $(TORCH)"]
    assert "CHECKED_OPTIONS := install --no-deps --only-binary :all: --require-hashes\n" in text


def test_pins_fit_the_ranges_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = pins("requirements.txt")
    extras = [line for group in project["optional-dependencies"].values() for line in group]
    for text in [*project["dependencies"], *extras]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), text


def test_citation_names_software_and_paper():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == virialff.__version__
    assert citation["license"] == "MIT"
    (paper,) = citation["references"]
    assert (paper["type"], paper["volume"], paper["issue"], paper["start"], paper["year"]) == (
        "article",
        71,
        7,
        577,
        2026,
    )
    assert [author["family-names"] for author in paper["authors"]] == ["Terets", "Nikolaienko"]


def test_the_changelog_ends_the_releases_with_this_version():
    released = re.findall(r"^## (\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert released[0] == virialff.__version__


def local_links() -> list[tuple[str, str]]:
    links = []
    for page in [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]:
        # SMILES in code spans look like links.
        text = re.sub(r"`[^`\n]*`", "", page.read_text(encoding="utf-8"))
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            if not target.startswith(("http:", "https:", "mailto:")):
                links.append((str(page.relative_to(ROOT)), target))
    return links


@pytest.mark.parametrize(("page", "target"), local_links())
def test_links_between_documents_lead_somewhere(page, target):
    assert (ROOT / page).parent.joinpath(target).exists(), f"{page} links to {target}"


def test_what_is_marked_slow_is_there():
    from tests.conftest import SLOW

    assert [place for place in SLOW if not (ROOT / "tests" / place).exists()] == []
