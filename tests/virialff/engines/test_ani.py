"""ANI: the published energies of the potential, what it lacks, and where its weights come from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torchani.arch import Assembler
from torchani.utils import SYMBOLS_2X

from virialff.commands import info
from virialff.conformers.generation import generate
from virialff.engines.ani import ELEMENTS_OF, AniEngine, _load_model
from virialff.engines.ani_weights import ANI2X_ADVICE, AniWeights, weights_in
from virialff.engines.xtb import Gfn2Engine
from virialff.errors import EngineError
from virialff.molecules.molecule import Molecule
from virialff.units import HARTREE_IN_KCAL_MOL

ROOT = Path(__file__).resolve().parents[3]

# The distorted methane of TorchANI's first example.
METHANE = np.array(
    [
        [0.03192167, 0.00638559, 0.01301679],
        [-0.83140486, 0.39370209, -0.26395324],
        [-0.66518241, -0.84461308, 0.20759389],
        [0.45554739, 0.54289633, 0.81170881],
        [0.66091919, -0.16799635, -0.91037834],
    ]
)


@pytest.fixture(scope="module")
def methane() -> Molecule:
    return Molecule.from_smiles("C").with_positions(METHANE)


def test_ani1x_gives_its_published_energy_and_forces(ani1x: AniWeights, methane: Molecule) -> None:
    energies, forces = AniEngine(ani1x).energy_and_forces(methane, METHANE)
    assert energies[0] / HARTREE_IN_KCAL_MOL == pytest.approx(-40.459022, abs=1e-6)
    published = [[0.0306, -0.1316, -0.0527], [-0.1293, 0.1639, -0.0774], [0.0856, -0.0429, 0.0408]]
    np.testing.assert_allclose(forces[0, :3] / HARTREE_IN_KCAL_MOL, published, atol=6e-5)


def test_the_label_says_which_potential_it_is(ani1x: AniWeights) -> None:
    engine = AniEngine(ani1x)
    assert engine.level == "ANI-1x (trained on wB97X/6-31G(d))"
    assert engine.elements == {1, 6, 7, 8}
    assert ani1x.origin == "the wheel of torchani 2.0"


@pytest.mark.parametrize(
    ("smiles", "missing"),
    [("CCBr", "Br"), ("CP", "P"), ("CS", "S"), ("FCCl", "F and Cl"), ("FC(Cl)Br", "F and Cl and Br")],
)
def test_an_element_it_lacks_is_the_reason(ani1x: AniWeights, smiles: str, missing: str) -> None:
    engine = AniEngine(ani1x)
    molecule = generate(Molecule.from_smiles(smiles), 1)
    reason = f"ANI-1x has no parameters for {missing}"
    told = reason if "Br" in missing or missing == "P" else f"{reason}; {ANI2X_ADVICE}"
    assert engine.unsupported(molecule) == told
    with pytest.raises(EngineError, match=reason):
        engine.energy(molecule, molecule.positions)
    with pytest.raises(EngineError, match=reason):
        engine.atomic_energies(molecule.numbers)


def test_many_conformers_go_in_batches(ani1x: AniWeights, methane: Molecule) -> None:
    shifts = np.random.default_rng(0).normal(scale=0.05, size=(450, 5, 3))
    calls: list[tuple[int, int]] = []
    engine = AniEngine(ani1x)
    energies = engine.energy(methane, METHANE + shifts, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(200, 450), (400, 450), (450, 450)]
    for k in (0, 199, 200, 449):
        assert engine.energy(methane, METHANE + shifts[k])[0] == pytest.approx(energies[k], abs=1e-7)


def test_it_computes_where_gradients_are_switched_off(ani1x: AniWeights, methane: Molecule) -> None:
    expected = AniEngine(ani1x).forces(methane, METHANE)
    with torch.no_grad():
        np.testing.assert_array_equal(AniEngine(ani1x).forces(methane, METHANE), expected)


def test_conformers_are_ranked_as_by_gfn2(ani1x: AniWeights) -> None:
    """Two unrelated methods on the same geometries: wrong units or a wrong atom order could not agree."""
    molecule = generate(Molecule.from_smiles("OCC(N)CC(=O)C"), 12, seed=4)
    ani = AniEngine(ani1x).energy(molecule, molecule.positions)
    gfn2 = Gfn2Engine().energy(molecule, molecule.positions)
    assert np.corrcoef(ani, gfn2)[0, 1] > 0.7
    assert np.std((ani - ani.mean()) - (gfn2 - gfn2.mean())) < 2.5


def test_a_state_dict_of_torchani_gives_the_same(tmp_path: Path, ani1x: AniWeights, methane: Molecule) -> None:
    file = tmp_path / "ani1x_state_dict.pt"
    torch.save(_load_model(ani1x).state_dict(), file)
    energies = [AniEngine(weights).energy(methane, METHANE)[0] for weights in (ani1x, weights_in(file))]
    assert energies[0] == pytest.approx(energies[1], abs=1e-6)


def test_an_ani2x_state_dict_is_recognised(tmp_path: Path) -> None:
    """The architecture of ANI-2x with random numbers: what is tested is what the engine makes of the file."""
    assembler = Assembler(periodic_table_index=True)
    assembler.set_symbols(SYMBOLS_2X)
    assembler.set_atomic_networks(ctor="ani2x")
    assembler.set_global_cutoff_fn("cosine")
    assembler.set_aev_computer(radial="ani2x", angular="ani2x")
    assembler.set_neighborlist("all_pairs")
    assembler.set_gsaes_as_self_energies("wb97x-631gd")
    torch.save(assembler.assemble(8).state_dict(), tmp_path / "ani2x_state_dict.pt")
    engine = AniEngine(weights_in(tmp_path))
    assert engine.level == "ANI-2x (trained on wB97X/6-31G(d))"
    assert engine.elements == ELEMENTS_OF["ANI-2x"]
    assert engine.unsupported(Molecule.from_smiles("CBr")) == "ANI-2x has no parameters for Br"
    thiol = generate(Molecule.from_smiles("FCS"), 1)
    assert engine.unsupported(thiol) is None
    assert np.isfinite(engine.energy(thiol, thiol.positions)).all()


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"not a state dict", "not a state dict of tensors"), (None, "its tensors are not those of an ANI-2x")],
)
def test_a_wrong_file_is_refused_with_its_path_and_stays_refused(
    tmp_path: Path, methane: Molecule, content: bytes | None, reason: str
) -> None:
    file = tmp_path / "ani2x_state_dict.pt"
    if content is None:
        torch.save({"weight": torch.zeros(3)}, file)
    else:
        file.write_bytes(content)
    engine = AniEngine(weights_in(file))
    assert engine.available() is None
    with pytest.raises(EngineError, match=f"ANI-2x could not be loaded from {file}: .*{reason}"):
        engine.energy(methane, METHANE)
    assert reason in str(engine.available())


def _run(code: str, **environment: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return result.stdout


def test_without_network_and_weights_the_reason_is_shown_and_remembered(tmp_path: Path) -> None:
    code = """
import time
from virialff.engines import get_engine
from virialff.molecules.molecule import Molecule
engine = get_engine('ani')
print(engine.available())
print(engine.unsupported(Molecule.from_smiles('C')))
start = time.perf_counter()
print(engine.unsupported(Molecule.from_smiles('C')) == engine.available())
print(time.perf_counter() - start < 0.5)
"""
    nowhere = "http://127.0.0.1:9"
    output = _run(
        code,
        HOME=str(tmp_path),
        XDG_CACHE_HOME=str(tmp_path / "cache"),
        TORCHANI_DATA_DIR=str(tmp_path / "torchani"),
        VIRIALFF_ANI_WEIGHTS="",
        https_proxy=nowhere,
        HTTPS_PROXY=nowhere,
        no_proxy="",
        NO_PROXY="",
        PIP_CONFIG_FILE=os.devnull,
        PIP_NO_INDEX="1",
        PIP_FIND_LINKS=str(tmp_path),
    ).splitlines()
    assert output[0] == "None"
    assert "reaching huggingface.co for ANI-2x failed" in output[1]
    assert "fetching ANI-1x from the package index failed" in output[1]
    assert "VIRIALFF_ANI_WEIGHTS" in output[1]
    assert output[2:] == ["True", "True"]


def test_without_torchani_the_reason_is_shown() -> None:
    code = """
import sys
sys.modules['torchani'] = None
from virialff.engines import get_engine
from virialff.molecules.molecule import Molecule
print(get_engine('ani').available())
print(get_engine('ani').unsupported(Molecule.from_smiles('C')))
"""
    first, second = _run(code).splitlines()
    assert first == second
    assert first.startswith("ANI needs the Python package torchani")


def test_it_says_what_it_is_before_anything_was_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ani1x: AniWeights
) -> None:
    monkeypatch.setenv("VIRIALFF_ANI_WEIGHTS", str(ani1x.path))
    engine = AniEngine()
    assert engine.available() is None
    assert (engine.level, engine.label) == ("ANI-1x (trained on wB97X/6-31G(d))", "ANI-1x")
    monkeypatch.delenv("VIRIALFF_ANI_WEIGHTS")
    monkeypatch.setenv("TORCHANI_DATA_DIR", str(tmp_path))
    engine = AniEngine()
    if engine.available() is None:
        assert engine.level == "ANI-2x if its weights can be fetched on first use, else ANI-1x"


def test_info_claims_no_missing_elements_of_a_potential_that_is_not_known_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ani1x: AniWeights
) -> None:
    monkeypatch.setattr("virialff.engines.get_engine", lambda name: AniEngine())
    monkeypatch.setattr("virialff.engines.ani_weights.fetch_failure", lambda: None)
    monkeypatch.delenv("VIRIALFF_ANI_WEIGHTS", raising=False)
    monkeypatch.setenv("TORCHANI_DATA_DIR", str(tmp_path))
    assert [engine["lacks"] for engine in info._engines()] == [[]] * 4
    monkeypatch.setenv("VIRIALFF_ANI_WEIGHTS", str(ani1x.path))
    for engine in info._engines():
        assert engine["level_of_theory"].startswith("ANI-1x (")
        assert engine["lacks"] == ["F", "P", "S", "Cl", "Br"]
