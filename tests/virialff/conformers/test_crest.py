"""CREST's ensembles in the form in which the program writes them, and runs across the border of the program.

CREST is not among the test programs. A script of the same name stands in for it on the PATH: it reads the input file
and the options as CREST does, relaxes geometries with GFN2-xTB, and writes the same file in the same form.
"""

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from tests.virialff.sample_files import embedded, sdf
from virialff.conformers import crest
from virialff.conformers.generation import generate
from virialff.engines import get_engine
from virialff.engines.xtb import single_point
from virialff.errors import (
    EngineError,
    MissingCoordinatesError,
    MoleculeError,
    SeveralMoleculesError,
    UnreadableRecordError,
)
from virialff.export.ensembles import ranked_sdf
from virialff.methods.comparison import compare_methods
from virialff.molecules.molecule import Molecule
from virialff.units import ENERGY_UNITS

BUTANOL = generate(Molecule.from_smiles("C[C@H](O)CC"), 3, seed=5)


def frame(molecule: Molecule, geometry: np.ndarray, comment: str) -> str:
    """One frame as CREST 3 prints it, blanks before the number of atoms included."""
    rows = zip(molecule.symbols, geometry, strict=True)
    atoms = "".join(f" {symbol:<2} {x:20.10f}{y:20.10f}{z:20.10f}\n" for symbol, (x, y, z) in rows)
    return f"  {molecule.n_atoms}\n{comment}\n{atoms}"


def ensemble(molecule: Molecule, comments: list[str] | None = None) -> str:
    energies = [single_point(molecule.numbers, geometry).energy / 627.5094740631 for geometry in molecule.positions]
    texts = [f"  {energy:18.8f}" for energy in energies] if comments is None else comments
    return "".join(frame(molecule, g, text) for g, text in zip(molecule.positions, texts, strict=True))


def test_an_ensemble_as_crest_writes_it_keeps_order_and_energies(tmp_path):
    path = tmp_path / "crest_conformers.xyz"
    path.write_text(ensemble(BUTANOL))
    found = crest.read_ensemble(path, Molecule.from_smiles("C[C@H](O)CC"))
    np.testing.assert_allclose(found.molecule.positions, BUTANOL.positions, atol=1e-9)
    expected = [single_point(BUTANOL.numbers, geometry).energy for geometry in BUTANOL.positions]
    assert found.energies is not None
    np.testing.assert_allclose(found.energies, expected, atol=1e-5)
    assert found.refused == ()
    assert found.molecule.inchikey == BUTANOL.inchikey


@pytest.mark.parametrize(
    ("comment", "energy"),
    [
        ("        -18.66512773", -18.66512773),
        (" energy: -18.665 gnorm: 0.0004 xtb: 6.7.1", -18.665),
        ("Etot=   -18.665000", -18.665),
        ("  -18.66512773        !t1", -18.66512773),
        ("", None),
        ("made on 12.10.2026", None),
        ('Lattice="10.0 0.0 0.0" Properties=species:S:1:pos:R:3', None),
    ],
)
def test_energies_are_read_from_the_second_lines(tmp_path, comment, energy):
    path = tmp_path / "ensemble.xyz"
    path.write_text(ensemble(BUTANOL, [comment] * 3))
    found = crest.read_ensemble(path, BUTANOL)
    if energy is None:
        assert found.energies is None
    else:
        assert found.energies is not None
        np.testing.assert_allclose(found.energies, energy * 627.5094740631)


@pytest.mark.parametrize(
    "comment",
    [
        "Eopt -18.665",
        "E(opt)= -18.665 Eh",
        "E_tot -18.665 a.u.",
        "energy = '-18.665'",
        "-0.18665D+02",
        "SCF energy: -1.8665d+01 Hartree",
        "energy: -507.9005244 eV",
        "energy_eV=-507.9005244",
        "total energy (eV): -507.9005244",
        "-507.9005244 eV",
        "Energy = -11712.464334 kcal/mol",
        "E[kcal/mol]=-11712.464334",
        "-11712.464334 | kcal/mol",
        "E = -49004.950774 kJ/mol",
        'Properties=species:S:1:pos:R:3 energy=-507.9005244 pbc="F F F"',
        "free_energy=-508.1 energy=-507.9005244 Properties=species:S:1:pos:R:3",
        "energy=-11712.464334 energy_unit=kcal/mol Properties=species:S:1:pos:R:3",
        "energy=-18.665 energy_units=Hartree Properties=species:S:1:pos:R:3",
    ],
)
def test_units_and_labels_of_energies_are_obeyed(tmp_path, comment):
    path = tmp_path / "ensemble.xyz"
    path.write_text(ensemble(BUTANOL, [comment] * 3))
    found = crest.read_ensemble(path, BUTANOL)
    assert found.energies is not None
    np.testing.assert_allclose(found.energies, -18.665 * 627.5094740631, rtol=1e-6)


@pytest.mark.parametrize("comment", ["E = -11712 kcal/mol", "-11712 kcal/mol", "energy_kcal=-11712"])
def test_an_energy_without_a_point_is_read_where_something_says_that_it_is_one(tmp_path, comment):
    path = tmp_path / "ensemble.xyz"
    path.write_text(ensemble(BUTANOL, [comment] * 3))
    energies = crest.read_ensemble(path, BUTANOL).energies
    assert energies is not None
    np.testing.assert_allclose(energies, -11712)


@pytest.mark.parametrize(
    "comment", ["energy: -37.33 Ry", "E(cm-1) = -4096553.0", "energy_meV=-507900.5", "-18665.0 mEh"]
)
def test_units_that_are_not_read_are_refused(tmp_path, comment):
    path = tmp_path / "ensemble.xyz"
    path.write_text(ensemble(BUTANOL, [comment] * 3))
    with pytest.raises(
        UnreadableRecordError, match=r"record 1: its energy is in .*, which is not read; give it in Har"
    ):
        crest.read_ensemble(path, BUTANOL)


@pytest.mark.parametrize(
    "comment", ["conformer 3", "7", "3 conformers", "rmsd=0.53 to the first", "e-0.5", "step 1.5 of 3.0"]
)
def test_other_numbers_are_no_energies(tmp_path, comment):
    path = tmp_path / "ensemble.xyz"
    path.write_text(ensemble(BUTANOL, [comment] * 3))
    assert crest.read_ensemble(path, BUTANOL).energies is None


def test_the_columns_of_the_extended_format_are_obeyed(tmp_path):
    geometry = BUTANOL.positions[0]
    rows = zip(geometry, BUTANOL.symbols, strict=True)
    lines = [f"{x:.6f} {y:.6f} {z:.6f} 0.1 {symbol}" for (x, y, z), symbol in rows]
    path = tmp_path / "ensemble.xyz"
    path.write_text("\n".join([str(BUTANOL.n_atoms), "Properties=pos:R:3:q:R:1:species:S:1", *lines, ""]))
    np.testing.assert_allclose(crest.read_ensemble(path, BUTANOL).molecule.positions[0], geometry, atol=1e-6)


def test_an_sdf_ensemble_has_geometries_and_no_energies(tmp_path):
    mol = embedded("C[C@H](O)CC", 4)
    path = tmp_path / "conformers.sdf"
    path.write_text(sdf(mol))
    found = crest.read_ensemble(path, Molecule.from_smiles("C[C@H](O)CC"))
    assert (found.molecule.n_conformers, found.energies) == (4, None)
    np.testing.assert_allclose(found.molecule.positions[2], mol.GetConformer(2).GetPositions(), atol=1e-4)


@pytest.mark.parametrize("name", ENERGY_UNITS)
def test_relative_energies_that_virialff_wrote_are_read_back(tmp_path, name):
    comparison = compare_methods(BUTANOL, {"gfn2": get_engine("gfn2"), "my model": get_engine("gfn2")})
    path = tmp_path / "ranked.sdf"
    text = ranked_sdf(comparison, "gfn2", unit=ENERGY_UNITS[name])
    path.write_text(text)
    found = crest.read_ensemble(path, BUTANOL)
    expected = sorted(comparison.methods[0].relative)
    assert found.energies is None
    assert set(found.relative) == {"gfn2", "my_model"}
    for values in found.relative.values():
        np.testing.assert_allclose(values, expected, atol=1e-6)


def test_fields_of_before_are_still_read(tmp_path):
    mol = embedded("C[C@H](O)CC", 2)
    records = [f"{part}> <GFN2-xTB (kcal/mol)>\n{k * 1.5}\n\n" for k, part in enumerate(sdf(mol).split("$$$$\n")[:2])]
    path = tmp_path / "old.sdf"
    path.write_text("$$$$\n".join([*records, ""]))
    assert crest.read_ensemble(path, BUTANOL).relative["GFN2-xTB"].tolist() == [0.0, 1.5]


@pytest.mark.parametrize(
    "comments",
    [
        # DFT, in two units; relative ones.
        ["energy: -233.51000 Eh", "energy: -233.50761 Eh", "energy: -233.51159 Eh"],
        ["E = -146529.74 kcal/mol", "E = -146528.24 kcal/mol", "E = -146530.74 kcal/mol"],
        ["energy: 1.0 kcal/mol", "energy: 2.5 kcal/mol", "energy: 0.0 kcal/mol"],
    ],
)
def test_energies_of_another_level_become_relative_ones(tmp_path, comments):
    path = tmp_path / "ensemble.xyz"
    path.write_text(ensemble(BUTANOL, comments))
    found = crest.read_ensemble(path, BUTANOL)
    assert found.energies is None
    np.testing.assert_allclose(found.relative[crest.FILE], [1.0, 2.5, 0.0], atol=0.01)


@pytest.mark.parametrize("comments", [["1.00", "2.50", "0.00"], ["energy: -233.5", "energy: -18.1", "energy: -18.0"]])
def test_energies_that_no_conformers_have_are_refused(tmp_path, comments):
    path = tmp_path / "ensemble.xyz"
    path.write_text(ensemble(BUTANOL, comments))
    with pytest.raises(UnreadableRecordError, match=r"no total energies of GFN2-xTB and lie up to .* write their unit"):
        crest.read_ensemble(path, BUTANOL)


def test_frames_with_other_bonds_or_stereochemistry_are_left_out_and_named(tmp_path):
    broken = BUTANOL.positions[1].copy()
    broken[5] += 3.0
    mirrored = BUTANOL.positions[2] * [1, 1, -1]
    geometries = [BUTANOL.positions[0], broken, mirrored]
    path = tmp_path / "ensemble.xyz"
    path.write_text("".join(frame(BUTANOL, g, f"  {-18.0 - k:.6f}") for k, g in enumerate(geometries)))
    found = crest.read_ensemble(path, BUTANOL)
    assert found.molecule.n_conformers == 1
    assert found.energies is not None
    np.testing.assert_allclose(found.energies, [-18.0 * 627.5094740631])
    assert found.refused[0].startswith("record 2: the bond between atom 1 (C) and atom 6 (H) broke")
    assert found.refused[1] == "record 3: the stereocentre atom 2 (C) inverted"
    path.write_text(frame(BUTANOL, mirrored, ""))
    with pytest.raises(
        MoleculeError, match=r"no frame of the ensemble is a geometry of C4H10O \(record 1: the stereocentre"
    ):
        crest.read_ensemble(path, BUTANOL)


def test_an_ensemble_of_another_molecule_or_order_names_the_first_atom(tmp_path):
    path = tmp_path / "ensemble.xyz"
    path.write_text(ensemble(BUTANOL))
    with pytest.raises(SeveralMoleculesError, match=r"record 1: the frame has 15 atoms and H2O has 3"):
        crest.read_ensemble(path, Molecule.from_smiles("O"))
    with pytest.raises(
        SeveralMoleculesError, match=r"record 1: atom 3 \(O\) of the frame is C in the molecule"
    ) as caught:
        crest.read_ensemble(path, Molecule.from_smiles("CCCCO"))
    assert caught.value.atom == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the ensemble is empty"),
        ("butanol\n", "record 1: its first line is 'butanol' where the number of atoms belongs"),
        (
            frame(BUTANOL, BUTANOL.positions[0], " -1.0") + "15\n\nC 0 0 0\n",
            "record 2: it announces 15 atoms and has 1",
        ),
        ("1\n\nXq 0 0 0\n", "record 1: atom 1 has the symbol 'Xq'"),
        (ensemble(BUTANOL, [" -18.1", "", " -18.0"]), "the second line of geometry 2 holds no energy"),
    ],
)
def test_damaged_files_are_named(tmp_path, text, words):
    path = tmp_path / "ensemble.xyz"
    path.write_text(text)
    with pytest.raises(MoleculeError) as caught:
        crest.read_ensemble(path, BUTANOL)
    assert words in str(caught.value)
    assert isinstance(caught.value, UnreadableRecordError) or not text


def test_the_command_line():
    words = crest.command("input.xyz", threads=4, energy_window=6.0, quick=False, complexed=False)
    assert " ".join(words) == "crest input.xyz --gfn2 --chrg 0 --uhf 0 -T 4 --ewin 6"
    words = crest.command("input.xyz", threads=1, energy_window=2.5, quick=True, complexed=True)
    assert " ".join(words) == "crest input.xyz --gfn2 --chrg 0 --uhf 0 -T 1 --ewin 2.5 --quick --nci"


def test_without_crest_one_sentence_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "the program crest is not on the PATH; install it" in (crest.available() or "")
    with pytest.raises(EngineError, match="crest is not on the PATH"):
        crest.search(BUTANOL)
    with pytest.raises(MissingCoordinatesError):
        crest.search(Molecule.from_smiles("CCO"))


STAND_IN = """
import sys
from pathlib import Path
import numpy as np
from virialff.conformers.generation import generate
from virialff.engines import get_engine
from virialff.export.ensembles import ranked_sdf
from virialff.methods.comparison import compare_methods
from virialff.molecules.molecule import Molecule
from virialff.units import ENERGY_UNITS
from virialff.conformers.relax import relax

print("       |                 C R E S T                  |", flush=True)
print(" Command line input:\\n $ crest", *sys.argv[1:], flush=True)
assert sys.argv[2:] == "--gfn2 --chrg 0 --uhf 0 -T 2 --ewin 6".split(), sys.argv
lines = Path(sys.argv[1]).read_text().splitlines()
rows = [line.split() for line in lines[2 : 2 + int(lines[0])]]
numbers = [{"H": 1, "C": 6, "O": 8}[row[0]] for row in rows]
given = Molecule.from_geometry(numbers, np.array([row[1:4] for row in rows], dtype=float))
others = generate(given, 2).positions
found = relax(given.with_positions(np.concatenate([given.positions, others])), get_engine("gfn2"))
with open("crest_conformers.xyz", "w") as file:
    for conformer in sorted(found.conformers, key=lambda conformer: conformer.energy):
        file.write(f"  {len(rows)}\\n  {conformer.energy / 627.5094740631:18.8f}\\n")
        for row, (x, y, z) in zip(rows, conformer.positions):
            file.write(f" {row[0]:<2} {x:20.10f}{y:20.10f}{z:20.10f}\\n")
print(" CREST terminated normally.", flush=True)
"""


def install(monkeypatch: pytest.MonkeyPatch, folder: Path, program: str) -> None:
    """A program called crest, the first on the PATH."""
    folder.mkdir(exist_ok=True)
    script = folder / "crest"
    script.write_text(f"#!{sys.executable}\n{program}")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    root = Path(__file__).resolve().parents[3]
    monkeypatch.setenv("PYTHONPATH", str(root))


def test_a_run_gives_the_minima_that_the_program_found(monkeypatch, tmp_path):
    install(monkeypatch, tmp_path / "bin", STAND_IN)
    seen: list[crest.CrestProgress] = []
    found = crest.search(BUTANOL, threads=2, progress=seen.append)
    assert found.refused == ()
    assert found.molecule.n_conformers >= 2
    assert found.energies is not None
    assert list(found.energies) == sorted(found.energies)
    for geometry, energy in zip(found.molecule.positions, found.energies, strict=True):
        result = single_point(BUTANOL.numbers, geometry)
        assert result.energy == pytest.approx(energy, abs=1e-4)
        assert np.abs(result.forces).max() < 1.0
    assert seen[-1].line == "CREST terminated normally."
    assert [progress.seconds for progress in seen] == sorted(progress.seconds for progress in seen)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("print(' error while reading'); raise SystemExit(3)", "exit code 3); its last words: error while reading"),
        ("print(' Initial topology changed')", "exit code 0); its last words: Initial topology changed"),
        ("print(' CREST terminated normally.')", "CREST wrote no crest_conformers.xyz"),
        (
            "open('crest_conformers.xyz', 'w').write('1\\n -1.0\\nH 0 0 0\\n'); print(' CREST terminated normally.')",
            "cannot be used: record 1: the frame has 1 atom and C4H10O has 15",
        ),
    ],
)
def test_a_run_that_fails_says_why(monkeypatch, tmp_path, program, words):
    install(monkeypatch, tmp_path / "bin", program)
    with pytest.raises(EngineError) as caught:
        crest.search(BUTANOL)
    assert words in str(caught.value)


def test_stopping_ends_the_program_and_what_it_started(monkeypatch, tmp_path):
    pids = tmp_path / "pids"
    program = (
        "import os, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(pids) + '.new'!r}, 'w').write(f'{{os.getpid()}} {{child.pid}} {{os.getcwd()}}')\n"
        f"os.rename({str(pids) + '.new'!r}, {str(pids)!r})\n"
        "time.sleep(600)\n"
    )
    install(monkeypatch, tmp_path / "bin", program)

    class Stopped(Exception):
        pass

    def stop(_: crest.CrestProgress) -> None:
        if pids.exists():
            raise Stopped

    start = time.monotonic()
    with pytest.raises(Stopped):
        crest.search(BUTANOL, progress=stop)
    assert time.monotonic() - start < 60.0
    parent, child, folder = pids.read_text().split()
    assert not Path(f"/proc/{parent}").exists()
    state = Path(f"/proc/{child}/stat")
    assert not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] == "Z"
    assert not Path(folder).exists()


def test_the_input_of_the_program_is_the_geometry_given(monkeypatch, tmp_path):
    copy = tmp_path / "copy.xyz"
    install(monkeypatch, tmp_path / "bin", f"import shutil, sys; shutil.copy(sys.argv[1], {str(copy)!r})")
    with pytest.raises(EngineError):
        crest.search(BUTANOL)
    mol = Chem.MolFromXYZFile(str(copy))
    assert [atom.GetSymbol() for atom in mol.GetAtoms()] == list(BUTANOL.symbols)
    np.testing.assert_allclose(mol.GetConformer().GetPositions(), BUTANOL.positions[0], atol=1e-8)
