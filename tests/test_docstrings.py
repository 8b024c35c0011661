"""The documented interface has docstrings in NumPy's sections, so that a page of it can be made from them."""

import importlib
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

API = (Path(__file__).resolve().parent.parent / "docs" / "api.md").read_text(encoding="utf-8")
CALLABLES = {
    "virialff.molecules.molecule": (
        "Molecule.from_smiles",
        "Molecule.from_rdkit",
        "Molecule.from_arrays",
        "Molecule.from_geometry",
        "Molecule.from_file",
    ),
    "virialff.io.read": ("read_molecules",),
    "virialff.models.force_field": (
        "Model.force_field",
        "Model.force_fields",
        "ForceField.energy",
        "ForceField.pair_energy",
        "ForceField.forces",
        "ForceField.energy_and_forces",
        "ForceField.decompose",
        "ForceField.interaction_energy",
        "ForceField.atomization_energy",
        "ForceField.pair_curve",
        "ForceField.compile",
        "ForceField.to_openmm",
    ),
    "virialff.models.openmm": ("box_system",),
    "virialff.ase": ("VirialFF",),
    "virialff.models.registry": ("registered_models", "load_model", "add", "set_default", "remove"),
    "virialff.engines": ("get_engine",),
    "virialff.labels.molecule_samples": ("draw_molecules",),
    "virialff.parameters.samples": ("sample_parameters",),
    "virialff.parameters.distributions": ("distribution",),
    "virialff.parameters.classical": ("pair_range",),
    "virialff.parameters.contributions": ("pair_contributions",),
    "virialff.parameters.dipole": ("point_charge_dipole",),
    "virialff.conformers.generation": ("generate",),
    "virialff.conformers.relax": ("relax",),
    "virialff.conformers.scans": ("scan",),
    "virialff.conformers.relaxed_scans": ("relax_scan",),
    "virialff.conformers.free_energies": ("free_energy_corrections",),
    "virialff.methods.scan_extrema": ("extrema_table",),
    "virialff.methods.method": ("get_method",),
    "virialff.methods.runs": ("energies_of",),
    "virialff.methods.comparison": ("compare_methods",),
    "virialff.methods.ase": ("AseMethod",),
    "virialff.interactions.complexes": ("complex_interactions",),
    "virialff.interactions.counterpoise": ("counterpoise_energies",),
    "virialff.interactions.approach": ("bring_together",),
    "virialff.benchmarks.noncovalent": ("reference_comparison",),
}
NAMES = [(module, name) for module, names in CALLABLES.items() for name in names]


def sections(text: str) -> dict[str, str]:
    """Content of each section by its title."""
    parts = re.split(r"^([A-Z][A-Za-z ]+)\n-+\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def the_callable(module: str, name: str) -> Callable[..., Any]:
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


@pytest.mark.parametrize(("module", "name"), NAMES, ids=[name for _, name in NAMES])
def test_sections(module, name):
    function = the_callable(module, name)
    found = sections(inspect.getdoc(function) or "")
    signature = inspect.signature(function)
    described = re.findall(r"^(\w+(?:, \w+)*) : \S", found.get("Parameters", ""), flags=re.MULTILINE)
    assert [entry for line in described for entry in line.split(", ")] == [
        parameter for parameter in signature.parameters if parameter != "self"
    ]
    if signature.return_annotation not in (None, "None"):
        assert found.get("Returns", found.get("Yields", "")).strip()
    assert "Raises" in found or "See Also" in found


def test_every_function_of_the_interface_is_among_them():
    tables = [line for line in API.splitlines() if line.startswith("| `")]
    documented = {name for line in tables for name in re.findall(r"`(?:[\w.]*\.)?(\w+)\(", line.split(" | ")[0])}
    checked = {name.rpartition(".")[2] for _, name in NAMES}
    assert documented <= checked
