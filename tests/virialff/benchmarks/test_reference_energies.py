"""Models beside the energies of a reference store: tables with known answers."""

from typing import Literal

import numpy as np
import pytest

from tests.virialff.sample_models import make_model
from virialff.benchmarks.conformers import compare_stored
from virialff.benchmarks.noncovalent import REPORTED, run_reported
from virialff.benchmarks.psi4_databases import read_database
from virialff.benchmarks.reference_data import ConformersReference, DimerReference, References
from virialff.benchmarks.report import SideBySide
from virialff.conformers.generation import generate
from virialff.engines.dft import LEVEL_OF_THEORY
from virialff.models.force_field import Model
from virialff.models.registry import load_model
from virialff.molecules.molecule import Molecule

pytestmark = pytest.mark.usefixtures("psi4_data")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Model:
    return load_model(make_model(tmp_path_factory.mktemp("references") / "model"))


def dimer(
    database: str, index: int, geometry: Literal["vertical", "relaxed"], energies: dict[str, float]
) -> DimerReference:
    entry = next(item for item in read_database(database) if item.index == index)
    molecule = Molecule.from_rdkit(entry.to_rdkit())
    monomers = tuple(molecule.fragment(k) for k in range(2)) if geometry == "relaxed" else ()
    return DimerReference(database, index, geometry, molecule, monomers, energies, dict.fromkeys(energies, 0.5))


def measured(model: Model, references: References) -> SideBySide:
    """What a report gives of the references."""
    return SideBySide(
        {},
        interactions=run_reported({"mine": model}, references),
        conformers=compare_stored(references, LEVEL_OF_THEORY, {"mine": model}),
    )


def test_dimers(model):
    water = dimer("S66", 1, "vertical", {})
    own = float(model.force_field(water.molecule).interaction_energy(water.molecule.positions)[0])
    result = measured(
        model,
        References(
            (
                dimer("S66", 1, "vertical", {LEVEL_OF_THEORY: own + 1.0, "GFN2-xTB": own + 3.0}),
                dimer("S66", 2, "vertical", {"GFN2-xTB": 3.0}),
                dimer("S66", 1, "relaxed", {LEVEL_OF_THEORY: own + 1.0}),
                dimer("JSCH", 1, "vertical", {LEVEL_OF_THEORY: 30.0}),
            ),
            (),
            (),
        ),
    )
    coupled_cluster, vertical, relaxed = (result.interactions[entry.name] for entry in REPORTED[:3])
    assert len(vertical.table) == 1, "a dimer without DFT is left out"
    assert vertical.summary("mine").mean_signed.estimate == pytest.approx(-1.0)
    assert vertical.summary("GFN2-xTB").mean_signed.estimate == pytest.approx(2.0)
    published = read_database("S66")[0].interaction_energy
    assert coupled_cluster.summary(LEVEL_OF_THEORY).mean_signed.estimate == pytest.approx(own + 1.0 - published)
    # The monomers of this "relaxed" dimer are those in the complex: its energy is the vertical one.
    assert relaxed.table["mine"].iloc[0] == pytest.approx(own, abs=1e-6)
    assert relaxed.table["reference"].iloc[0] == pytest.approx(own + 1.5)
    assert result.base_pairs[["pair", "set", "geometry"]].to_numpy().tolist() == [["G-C", "JSCH", "vertical"]]
    assert result.conformers is None
    assert set(result.statistics["set"]) == {
        "S66 vertical against CCSD(T)/CBS",
        "S66 vertical against wB97X-D/def2-SVP with counterpoise",
        "S66 relaxed against wB97X-D/def2-SVP with counterpoise",
    }


def test_conformers(model):
    molecule = generate(Molecule.from_smiles("OCCCN"), n_conformers=4, seed=3)
    own = model.force_field(molecule).energy(molecule.positions)
    energies = {LEVEL_OF_THEORY: own - 5000.0, "GFN2-xTB": 2.0 * own}
    result = measured(model, References((), (ConformersReference("X", molecule, energies),), ()))
    assert result.conformers is not None
    assert result.conformers.summary("mine").rmse.estimate == pytest.approx(0.0, abs=1e-6)
    assert result.conformers.summary("mine", "own").rmse.estimate == pytest.approx(0.0, abs=1e-6)
    assert result.conformers.summary("GFN2-xTB").mean_signed.estimate == pytest.approx(
        np.delete(own - own.min(), own.argmin()).mean()
    )
    assert result.interactions == {}
    assert result.base_pairs.empty
    quantities = result.statistics.loc[result.statistics["method"] == "mine", "quantity"].tolist()
    assert len(quantities) == 2
    assert all("kcal/mol" in quantity for quantity in quantities)
