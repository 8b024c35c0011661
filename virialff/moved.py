"""Modules under the names that they had up to version 0.1, for one release: documented ones only."""

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

#: Where each of them is now.
MOVED = {
    "virialff.approach": "virialff.interactions.approach",
    "virialff.benchmarks.dissociation": "virialff.interactions.dissociation",
    "virialff.benchmarks.reference_comparison": "virialff.benchmarks.noncovalent",
    "virialff.benchmarks.side_by_side": "virialff.benchmarks.report",
    "virialff.classical_force_fields": "virialff.parameters.classical",
    "virialff.complex_energies": "virialff.interactions.complexes",
    "virialff.connectivity": "virialff.molecules.changes",
    "virialff.contributions": "virialff.parameters.contributions",
    "virialff.counterpoise": "virialff.interactions.counterpoise",
    "virialff.crest": "virialff.conformers.crest",
    "virialff.datasets.molecule_samples": "virialff.labels.molecule_samples",
    "virialff.datasets.splits": "virialff.labels.splits",
    "virialff.dipole": "virialff.parameters.dipole",
    "virialff.parameter_distributions": "virialff.parameters.distributions",
    "virialff.parameter_samples": "virialff.parameters.samples",
    "virialff.population": "virialff.engines.density",
    "virialff.reading": "virialff.io.read",
    "virialff.registry": "virialff.models.registry",
    "virialff.uncertainty": "virialff.models.members",
    "virialff.virial": "virialff.engines.density",
}


class MovedModules(MetaPathFinder, Loader):
    """Finds a moved module by its old name, and warns."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A module that stood here once, or the package in which one stood."""
        if fullname in MOVED or any(name.startswith(fullname + ".") for name in MOVED):
            return ModuleSpec(fullname, self, is_package=fullname not in MOVED)
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Put the module of the new name in place of the empty one that the import system made."""
        name = module.__name__
        if name in MOVED:
            warnings.warn(f"{name} is now {MOVED[name]}", DeprecationWarning, stacklevel=2)
            sys.modules[name] = importlib.import_module(MOVED[name])


def install() -> None:
    """Let `import` know the old names. Last in line, so that whatever exists is found first."""
    sys.meta_path.append(MovedModules())
