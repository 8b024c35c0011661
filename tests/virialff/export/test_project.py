"""Project files: what comes back is what was saved, to the last digit, and what is damaged is refused by a sentence."""

import json

import numpy as np
import pytest

from virialff.conformers.display import display_geometry
from virialff.errors import VirialffError
from virialff.export.project import Entry, Geometries, Project, project_text, read_project
from virialff.methods.runs import MethodEnergies
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule

MODEL = {"name": "default", "sha256": "ab" * 32, "level_of_theory": "wB97X-D/def2-SVP"}


def entry(smiles: str, count: int = 2) -> Entry:
    molecule = Molecule.from_smiles(smiles).with_name("a <b> name")
    positions = display_geometry(molecule).positions
    molecule = molecule.with_positions(np.stack([positions * (1 + 1e-3 * k) for k in range(count)]))
    rng = np.random.default_rng(0)
    n = molecule.n_conformers
    values = rng.normal(size=n) * 1e3
    values[-1] = np.nan
    runs = {
        "model: x": MethodEnergies("Model", "x", values, {n: "it did not converge"}, atoms=1.0 / 3.0),
        "gfn2": MethodEnergies("GFN2-xTB", "GFN2-xTB", np.full(n, np.nan), n_left=n),
    }
    turned = molecule.positions + rng.normal(scale=1e-3, size=molecule.positions.shape)
    return Entry(molecule, "the file x.sdf", smiles, [Geometries("generated", turned, runs)])


@pytest.mark.parametrize("smiles", ["OCCO", "N[C@@H](C)C(=O)O", "F/C=C/Cl", "C[S@](=O)CC", "CBr.O", "C#N"])
def test_what_comes_back_is_what_was_saved(smiles):
    saved = entry(smiles)
    text = project_text(Project([saved], MODEL, {"virialff": "1"}, {"page": "scan", "smiles": smiles}))
    found = read_project(text.encode())
    assert (found.model, found.versions) == (MODEL, {"virialff": "1"})
    assert found.address == {"page": "scan", "smiles": smiles}
    (back,) = found.entries
    assert keys.structure_key(back.molecule) == keys.structure_key(saved.molecule)
    assert keys.geometry_key(back.molecule) == keys.geometry_key(saved.molecule)
    assert (back.molecule.name, back.origin) == (saved.molecule.name, saved.origin)
    assert np.array_equal(back.geometries[0].positions, saved.geometries[0].positions)
    for key, run in saved.geometries[0].energies.items():
        other = back.geometries[0].energies[key]
        np.testing.assert_array_equal(other.values, run.values)
        assert (other.name, other.level, dict(other.failures), other.n_left) == (
            run.name,
            run.level,
            dict(run.failures),
            run.n_left,
        )
        np.testing.assert_equal(other.atoms, run.atoms)


def test_a_molecule_without_coordinates_stays_without():
    saved = Entry(Molecule.from_smiles("CCO"), "SMILES", "OCC")
    (back,) = read_project(project_text(Project([saved], MODEL, {})).encode()).entries
    assert back.molecule.n_conformers == 0
    # Typed in another order than the molecule's: the link would number the atoms in another way.
    assert back.smiles == ""


def changed(change) -> bytes:
    content = json.loads(project_text(Project([entry("CO")], MODEL, {})))
    del content["crc32"]
    change(content)
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c["schema"].update(name="virialff.energy"), "no project file"),
        (lambda c: c["schema"].update(version=2), "later version"),
        (lambda c: c.update(molecules={}), "molecules is no list"),
        (lambda c: c["molecules"][0].update(smiles="C1CC("), "molecule 1 of the project"),
        (lambda c: c["molecules"][0].update(positions=[[[0, 0, 0]]]), "6 atoms"),
        (lambda c: c["molecules"][0].update(positions=[[["x"] * 3] * 6]), "6 atoms"),
        (lambda c: c["molecules"][0]["geometries"][0]["energies"]["gfn2"].update(values=[1.0] * 99), "not 2 numbers"),
        (lambda c: c["molecules"][0]["geometries"][0]["energies"]["gfn2"].update(left=-1), "what is left"),
        (lambda c: c["molecules"][0]["geometries"][0]["energies"]["gfn2"].update(failures={"9": "x"}), "no geometry"),
        (lambda c: c["molecules"][0]["geometries"].append(3), "no object"),
        (lambda c: c.update(model={"name": 3}), "model holds"),
        (lambda c: c.update(molecules=c["molecules"] * 101), "at most 100"),
    ],
)
def test_what_is_wrong_is_said(change, said):
    with pytest.raises(VirialffError, match=said):
        read_project(changed(change))


def test_a_flipped_bit_is_named_or_harmless():
    text = project_text(Project([entry("CO")], MODEL, {})).encode()
    whole = read_project(text)
    rng = np.random.default_rng(5)
    named = 0
    for place in rng.integers(len(text) * 8, size=200):
        flipped = bytearray(text)
        flipped[place // 8] ^= 1 << (place % 8)
        try:
            found = read_project(bytes(flipped))
        except VirialffError:
            named += 1
        else:
            assert found.model == whole.model
            assert keys.geometry_key(found.entries[0].molecule) == keys.geometry_key(whole.entries[0].molecule)
    assert named > 190
