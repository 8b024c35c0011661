"""What imports what: the package root is lazy, the numeric core needs no chemistry, and arrows point one way."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import virialff

ROOT = Path(virialff.__file__).resolve().parent.parent

#: What a machine with only torch, numpy and safetensors can load.
CORE = (
    "virialff.figures.charge_scale",
    "virialff.models.checkpoint",
    "virialff.elements",
    "virialff.networks.graph_tensors",
    "virialff.labels.merge",
    "virialff.labels.store",
    "virialff.networks.baseline",
    "virialff.networks.charges",
    "virialff.networks.config",
    "virialff.networks.force_field",
    "virialff.networks.kinetic",
    "virialff.networks.mpnn",
    "virialff.networks.pairs",
    "virialff.potential",
    "virialff.potential.energy",
    "virialff.molecules.topology",
    "virialff.units",
    "training.loop.train",
)
BLOCKED = ("rdkit", "dgl", "pydantic", "streamlit", "pandas", "plotly", "torchani", "xtb", "tblite", "ase")

BLOCKER = """
import importlib.abc, sys

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ImportError(f"{{name}} is blocked by the test")

sys.meta_path.insert(0, Blocker())
"""


def run_python(code: str) -> str:
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_package_root_is_lazy():
    heavy = {"torch", "numpy", "pandas", "rdkit", "dgl", "plotly", "streamlit"}
    loaded = run_python("import sys, virialff; print(*{name.partition('.')[0] for name in sys.modules})").split()
    assert "virialff" in loaded
    assert not heavy & set(loaded)


def test_package_root_imports_at_once():
    code = "import time; start = time.process_time(); import virialff; print(time.process_time() - start)"
    assert min(float(run_python(code)) for _ in range(3)) < 0.1


def test_every_public_name_loads_on_first_use():
    names = [name for name in virialff.__all__ if not name.startswith("_")]
    code = f"""
import sys, virialff
for name in {names!r}:
    assert name in dir(virialff), name
    value = getattr(virialff, name)
    assert value is getattr(sys.modules[virialff._HOME[name]], name), name
    assert name in vars(virialff), f"{{name}} is looked up anew each time"
"""
    run_python(code)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'virialff' has no attribute 'molecule_of_the_month'"):
        virialff.molecule_of_the_month  # noqa: B018


def test_numeric_core_imports_without_chemistry():
    imports = "\n".join(f"import {module}" for module in CORE)
    run_python(BLOCKER.format(blocked=BLOCKED) + imports)


def test_blocker_blocks():
    code = BLOCKER.format(blocked=BLOCKED) + "import virialff.molecules.molecule"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert result.returncode != 0
    assert "is blocked by the test" in result.stderr


def imports_of(file: Path) -> Iterator[str]:
    """Absolute names of all modules that a file imports, wherever in it, those only for type checking too."""
    package = list(file.relative_to(ROOT).with_suffix("").parts[:-1])
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def imported_packages(folder: str) -> dict[Path, set[str]]:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files, f"{folder} holds no Python file"
    return {file.relative_to(ROOT): {name.partition(".")[0] for name in imports_of(file)} for file in files}


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("virialff", {"training", "pages", "app", "streamlit", "streamlit_ketcher", "tests", "perf"}),
        ("training", {"pages", "app", "streamlit", "streamlit_ketcher", "tests", "perf"}),
        ("pages", {"app", "tests", "perf"}),
    ],
)
def test_arrows_point_one_way(folder, forbidden):
    wrong = {str(file): names & forbidden for file, names in imported_packages(folder).items() if names & forbidden}
    assert wrong == {}


def test_only_one_module_imports_dgl():
    users = [
        str(file)
        for folder in ("virialff", "training", "pages")
        for file, names in imported_packages(folder).items()
        if "dgl" in names
    ]
    assert users == ["virialff/networks/dgl_graphs.py"]


def test_imports_of_resolves_relative_imports(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    file = tmp_path / "a" / "b" / "c.py"
    file.parent.mkdir(parents=True)
    file.write_text("from . import d\nfrom ..e import f\nimport g.h\nfrom i import j\n")
    assert set(imports_of(file)) == {"a.b", "a.b.d", "a.e", "a.e.f", "g.h", "i", "i.j"}
