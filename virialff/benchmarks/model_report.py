"""Everything that a model card says about interactions, measured in one go on the frozen sets."""

from dataclasses import dataclass
from typing import Any

from virialff.benchmarks.base_pairs import BasePairResult, run_base_pairs
from virialff.benchmarks.psi4_databases import read_database
from virialff.benchmarks.reference_dimers import DimerCheck, check_dimers
from virialff.benchmarks.s66 import S66Result, run_s66, run_s66x8
from virialff.engines import Engine
from virialff.interactions.dissociation import CompressionResult, compression
from virialff.models.force_field import Model
from virialff.molecules.molecule import Molecule

METHOD = "model"


@dataclass(frozen=True, eq=False)
class InteractionReport:
    """Interactions of one model, or engine: results with the column `model`, in kcal/mol and Angstrom.

    compressions: for each S66 dimer by its number, whether pushing the monomers together leads below the minimum.
    """

    s66: S66Result
    s66x8: S66Result
    base_pairs: BasePairResult
    dimers: tuple[DimerCheck, ...]
    compressions: dict[int, CompressionResult]

    @property
    def collapsing(self) -> tuple[int, ...]:
        """Numbers of the S66 dimers that are more strongly bound somewhere behind the wall than in the well."""
        return tuple(index for index, result in self.compressions.items() if not result.holds)

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers for a model card, units in the keys."""
        pairs = self.base_pairs.table
        return {
            "s66 vertical against CCSD(T)/CBS (kcal/mol)": _by_category(self.s66),
            "s66x8 vertical against CCSD(T)/CBS (kcal/mol)": _by_category(self.s66x8),
            "base pairs vertical (kcal/mol)": [
                {"pair": pair, "geometry": name, "reference": float(reference), "model": float(energy)}
                for pair, name, reference, energy in zip(
                    pairs["category"], pairs["set"], pairs["reference"], pairs[METHOD], strict=True
                )
            ],
            "dimers": [
                {
                    "dimer": check.name,
                    "distance (Angstrom)": check.distance,
                    "well depth (kcal/mol)": check.well_depth,
                    "E_int at 10 Angstrom (kcal/mol)": check.long_range,
                    "further wells": check.n_bumps,
                    "holds": check.holds,
                }
                for check in self.dimers
            ],
            "S66 dimers bound more strongly behind the wall": list(self.collapsing),
        }


def report_interactions(model: "Model | Engine") -> InteractionReport:
    """Measure a model on S66, S66x8, the base pairs, the three known dimers, and every S66 dimer pushed together.

    Raises EvaluationSetError without psi4-data; EngineError for an engine that cannot compute here.
    """
    compressions = {}
    for item in read_database("S66"):
        molecule = Molecule.from_rdkit(item.to_rdkit())
        compressions[item.index] = compression(molecule, item.positions, model)
    return InteractionReport(
        s66=run_s66({METHOD: model}),
        s66x8=run_s66x8({METHOD: model}),
        base_pairs=run_base_pairs({METHOD: model}),
        dimers=tuple(check_dimers(model)),
        compressions=compressions,
    )


def _by_category(result: S66Result) -> dict[str, dict[str, float]]:
    table = result.statistics.drop(columns="method").set_index("category")
    return {
        str(category): {
            str(name): int(value) if str(name).startswith("n_") else round(float(value), 4)
            for name, value in row.items()
        }
        for category, row in table.iterrows()
    }
