"""Geometries with energies in the files of others: what is written is read back, what is refused has its reason."""

import gzip
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ase.db
import ase.io
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from virialff.cli import main
from virialff.conformers.generation import search
from virialff.engines.xtb import energy_and_forces
from virialff.errors import ConfigError, DatasetError, UnknownFormatError
from virialff.labels.check import check
from virialff.labels.export import export_labels
from virialff.labels.formats.entry import Budget, Fields, fields_of
from virialff.labels.imports.geometries import ImportReport, import_geometries
from virialff.labels.schema import Label
from virialff.labels.store import LabelStore
from virialff.labels.structure import structure_fields
from virialff.molecules.molecule import Molecule
from virialff.units import BOHR_IN_ANGSTROM, EV_IN_KCAL_MOL, HARTREE_IN_KCAL_MOL

SUFFIXES = ["sdf.gz", "extxyz", "xyz.gz", "db", "h5", "json", "jsonl.gz", "parquet"]
LEVEL = "GFN2-xTB"


@pytest.fixture(scope="module")
def rows() -> list[Any]:
    """A chiral molecule in two geometries, one with an aromatic ring, and a complex."""
    made = []
    alanine = search(Molecule.from_smiles("C[C@H](N)C(=O)O"), 1).molecule
    rng = np.random.default_rng(3)
    shaken = alanine.with_positions(alanine.positions + rng.normal(scale=0.02, size=alanine.positions.shape))
    pyridine = search(Molecule.from_smiles("c1ccncc1"), 1).molecule
    water = search(Molecule.from_smiles("O"), 1).molecule
    dimer = Molecule.join(water, water.with_positions(water.positions + [0.0, 0.0, 3.1]))
    for number, (molecule, kind) in enumerate(
        ((alanine, "minimum"), (shaken, "displaced"), (pyridine, "minimum"), (dimer, "complex"))
    ):
        energy, forces = energy_and_forces(molecule.numbers, molecule.positions[0])
        made.append(
            Label(
                identifier=f"set/{number}/0",
                task=f"set/{number}",
                **structure_fields(molecule),
                source="set one",
                positions=molecule.positions[0],
                kind=kind,
                detail="made",
                level_of_theory=LEVEL,
                program="tblite",
                settings="{}",
                energy=float(energy),
                forces=forces.astype(np.float32).astype(float) if kind == "displaced" else None,
                seconds=0.0,
            )
        )
    return made


@pytest.fixture(scope="module")
def store(rows, tmp_path_factory) -> LabelStore:
    made = LabelStore(tmp_path_factory.mktemp("labels") / "store")
    with made.writer("part") as writer:
        for row in rows:
            writer.append([row])
        writer.finish()
    return made


def by_energy(store: LabelStore) -> list[Any]:
    return sorted(store.labels(), key=lambda label: label.energy or 0.0)


def imported(tmp_path: Path, *files: Path, **wishes: Any) -> tuple[ImportReport, list[Any]]:
    found = LabelStore(tmp_path / "imported")
    report = import_geometries(files, found, **wishes)
    return report, by_energy(found)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_exported_is_imported_again_bit_for_bit(store, tmp_path, suffix):
    file = tmp_path / f"labels.{suffix}"
    assert export_labels(store, file).n_rows == 4
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    report, found = imported(tmp_path, file)
    assert (report.n_records, report.n_new, report.refused) == (4, 4, {})
    for row, label in zip(by_energy(store), found, strict=True):
        assert label.energy == row.energy
        assert (label.smiles, label.inchikeys, label.kind) == (row.smiles, row.inchikeys, row.kind)
        assert (label.level_of_theory, label.source) == (row.level_of_theory, row.source)
        assert label.positions is not None
        np.testing.assert_allclose(label.positions, row.positions, atol=1e-4 if "sdf" in suffix else 1e-12)
        if "sdf" not in suffix:
            assert (label.forces is None) == (row.forces is None)
            assert row.forces is None or np.allclose(label.forces, row.forces, rtol=1e-6, atol=1e-6)
    assert check(tmp_path / "imported").problems == ()
    again, _ = imported(tmp_path, file)
    assert (again.n_new, again.n_known) == (0, 4)


def test_other_programs_read_what_is_exported(store, tmp_path):
    wanted = {row.energy: row for row in store.labels()}
    export_labels(store, tmp_path / "set.xyz")
    export_labels(store, tmp_path / "set.db")
    frames = ase.io.read(tmp_path / "set.xyz", ":")
    with ase.db.connect(tmp_path / "set.db") as database:
        frames += [row.toatoms() for row in database.select()]
    for atoms, row in zip(frames, 2 * list(wanted.values()), strict=True):
        assert atoms.get_potential_energy() * EV_IN_KCAL_MOL == pytest.approx(row.energy, abs=1e-9)
        np.testing.assert_allclose(atoms.positions, row.positions)
        if row.forces is not None:
            np.testing.assert_allclose(atoms.get_forces() * EV_IN_KCAL_MOL, row.forces, rtol=1e-12)
    export_labels(store, tmp_path / "set.h5")
    with h5py.File(tmp_path / "set.h5") as file:
        groups = list(file.values())
        assert sorted(len(group["dft_total_energy"]) for group in groups) == [1, 1, 1, 1]
        (with_gradient,) = (group for group in groups if "dft_total_gradient" in group)
        assert with_gradient["conformations"].attrs["units"] == "bohr"
        row = wanted[with_gradient["energy_kcal_mol"][0]]
        np.testing.assert_allclose(with_gradient["conformations"][0] * BOHR_IN_ANGSTROM, row.positions)
        assert with_gradient["dft_total_energy"][0] * HARTREE_IN_KCAL_MOL == pytest.approx(row.energy, abs=1e-9)
    export_labels(store, tmp_path / "set.json")
    for result, row in zip(json.loads((tmp_path / "set.json").read_text()), wanted.values(), strict=True):
        assert (result["model"], result["success"]) == ({"method": LEVEL}, True)
        assert result["properties"]["return_energy"] * HARTREE_IN_KCAL_MOL == pytest.approx(row.energy, abs=1e-9)
        assert (result["driver"] == "gradient") == (row.forces is not None)


def foreign_xyz(rows: list[Any], folder: Path) -> tuple[Path, dict[str, Any]]:
    file = folder / "foreign.extxyz"
    for row in rows:
        atoms = Atoms(row.numbers, row.positions)
        forces = {} if row.forces is None else {"forces": row.forces / EV_IN_KCAL_MOL}
        atoms.calc = SinglePointCalculator(atoms, energy=row.energy / EV_IN_KCAL_MOL, **forces)
        ase.io.write(file, atoms, append=True)
    return file, {}


def foreign_database(rows: list[Any], folder: Path) -> tuple[Path, dict[str, Any]]:
    file = folder / "foreign.db"
    with ase.db.connect(file) as database:
        for row in rows:
            atoms = Atoms(row.numbers, row.positions)
            forces = {} if row.forces is None else {"forces": row.forces / EV_IN_KCAL_MOL}
            atoms.calc = SinglePointCalculator(atoms, energy=row.energy / EV_IN_KCAL_MOL, **forces)
            database.write(atoms, data={"of": "any kind"})
    return file, {}


def spice(rows: list[Any], folder: Path) -> tuple[Path, dict[str, Any]]:
    file = folder / "spice.hdf5"
    with h5py.File(file, "w") as opened:
        for number, row in enumerate(rows):
            group = opened.create_group(f"subset {number}")
            group["smiles"] = [row.smiles]
            group["atomic_numbers"] = row.numbers.astype(np.int16)
            group["conformations"] = np.array([row.positions / BOHR_IN_ANGSTROM])
            group["dft_total_energy"] = np.array([row.energy]) / HARTREE_IN_KCAL_MOL
            group["conformations"].attrs["units"] = "bohr"
            group["dft_total_energy"].attrs["units"] = "hartree"
            if row.forces is not None:
                gradient = -np.array([row.forces]) * BOHR_IN_ANGSTROM / HARTREE_IN_KCAL_MOL
                group["dft_total_gradient"] = gradient
                group["dft_total_gradient"].attrs["units"] = "hartree/bohr"
    return file, {}


def ani1x(rows: list[Any], folder: Path) -> tuple[Path, dict[str, Any]]:
    file = folder / "ani1x.h5"
    with h5py.File(file, "w") as opened:
        for number, row in enumerate(rows):
            group = opened.create_group(f"formula {number}")
            group["atomic_numbers"] = row.numbers.astype(np.uint8)
            group["coordinates"] = np.array([row.positions, row.positions])
            group["wb97x_tz.energy"] = np.array([row.energy, np.nan]) / HARTREE_IN_KCAL_MOL
            forces = np.full((2, *row.numbers.shape, 3), np.nan)
            if row.forces is not None:
                forces[0] = row.forces / HARTREE_IN_KCAL_MOL
            group["wb97x_tz.forces"] = forces
    return file, {"fields": Fields(energy="wb97x_tz.energy")}


def qcarchive(rows: list[Any], folder: Path) -> tuple[Path, dict[str, Any]]:
    """Records as QCPortal dumps them, gzipped."""
    records = {}
    for number, row in enumerate(rows):
        result = row.energy
        if row.forces is not None:
            result = (-row.forces * BOHR_IN_ANGSTROM).ravel().tolist()
        records[f"entry {number}"] = {
            "record_type": "singlepoint",
            "status": "complete",
            "specification": {"program": "xtb", "method": "gfn2-xtb", "basis": "", "driver": "energy"},
            "molecule": {
                "symbols": Atoms(row.numbers).get_chemical_symbols(),
                "geometry": (row.positions / BOHR_IN_ANGSTROM).tolist(),
            },
            "properties": {"return_energy": row.energy / HARTREE_IN_KCAL_MOL}
            | ({"return_gradient": np.array(result) / HARTREE_IN_KCAL_MOL} if row.forces is not None else {}),
            "provenance": {"creator": "xtb", "version": "6.7"},
        }
    file = folder / "records.json.gz"
    text = json.dumps({"records": records}, default=lambda array: array.tolist())
    file.write_bytes(gzip.compress(text.encode()))
    return file, {"level_of_theory": None}


def table(rows: list[Any], folder: Path) -> tuple[Path, dict[str, Any]]:
    file = folder / "table.parquet"
    columns = {
        "Z": [row.numbers.tolist() for row in rows],
        "xyz": [row.positions.tolist() for row in rows],
        "E": [row.energy / HARTREE_IN_KCAL_MOL for row in rows],
        "F": [None if row.forces is None else (row.forces / HARTREE_IN_KCAL_MOL).ravel().tolist() for row in rows],
        "method": ["gfn2 xtb"] * len(rows),
    }
    pq.write_table(pa.table(columns), file)
    names = Fields(energy="E", unit="Eh", numbers="Z", positions="xyz", forces="F", level="method")
    return file, {"fields": names, "level_of_theory": None}


@pytest.mark.parametrize("make", [foreign_xyz, foreign_database, spice, ani1x, qcarchive, table])
def test_files_of_others(rows, tmp_path, make: Callable[..., tuple[Path, dict[str, Any]]]):
    file, wishes = make(rows, tmp_path)
    report, found = imported(tmp_path, file, **({"level_of_theory": LEVEL, "program": "xtb"} | wishes))
    assert (report.n_new, report.problems) == (4, [p for p in report.problems if "'nan' is no finite" in p])
    assert sum(report.refused.values()) == (4 if make is ani1x else 0)
    for row, label in zip(sorted(rows, key=lambda row: row.energy or 0.0), found, strict=True):
        assert row.energy is not None
        # What the file holds, times the unit: nothing else has touched it.
        unit = EV_IN_KCAL_MOL if make in (foreign_xyz, foreign_database) else HARTREE_IN_KCAL_MOL
        assert label.energy in ((row.energy / unit) * unit, pytest.approx(row.energy, abs=1e-8 * EV_IN_KCAL_MOL))
        assert make is foreign_xyz or label.energy == (row.energy / unit) * unit
        assert (label.level_of_theory, label.inchikeys, label.kind) == (LEVEL, row.inchikeys, row.kind)
        assert (label.forces is None) == (row.forces is None)
        assert row.forces is None or np.allclose(label.forces, row.forces, atol=1e-4)
    assert check(tmp_path / "imported").problems == ()


def test_every_refusal_has_its_reason(rows, tmp_path):
    good, energy = rows[0], rows[0].energy
    assert good.positions is not None
    file = tmp_path / "set.jsonl"
    base = {
        "molecule": {
            "symbols": Atoms(good.numbers).get_chemical_symbols(),
            "geometry": (good.positions / BOHR_IN_ANGSTROM).ravel().tolist(),
        },
        "driver": "energy",
        "model": {"method": LEVEL, "basis": None},
        "return_result": energy / HARTREE_IN_KCAL_MOL,
    }

    def of_molecule(**changes: Any) -> dict[str, Any]:
        return base | {"molecule": base["molecule"] | changes}

    symbols = list(base["molecule"]["symbols"])
    geometry = np.array(base["molecule"]["geometry"]).reshape(-1, 3)
    apart = geometry.copy()
    apart[0] += 9.0
    cases = {
        "only neutral molecules are covered": of_molecule(molecular_charge=1),
        "only singlets": of_molecule(molecular_multiplicity=3),
        "ghost atoms": of_molecule(real=[False] * len(symbols)),
        "is no element": of_molecule(symbols=["Xx", *symbols[1:]]),
        "atom 1 (Si) is of an element that the method does not cover": of_molecule(symbols=["Si", *symbols[1:]]),
        "numbers as positions of": of_molecule(geometry=geometry.ravel()[:-1].tolist()),
        "apart": of_molecule(geometry=(0.0 * geometry).ravel().tolist()),
        "has an odd number of electrons": of_molecule(symbols=symbols[:-1], geometry=geometry[:-1].ravel().tolist()),
        "does not name its level": base | {"model": {}},
        "it is at B3LYP/def2-SVP and not at": base | {"model": {"method": "B3LYP", "basis": "def2-SVP"}},
        "its calculation failed": base | {"success": False},
        "lacks the data field of the energy": base | {"return_result": None},
        "is no finite number": base | {"return_result": "much"},
        "an atom from that of its atoms": base | {"return_result": energy},
        "has no molecule with a result": {"anything": 1},
    }
    lines = [json.dumps(base), *(json.dumps(case) for case in cases.values()), "{"]
    file.write_text("\n".join(lines))
    report, found = imported(tmp_path, file, level_of_theory=LEVEL)
    assert [label.energy for label in found] == [(energy / HARTREE_IN_KCAL_MOL) * HARTREE_IN_KCAL_MOL]
    assert (report.n_records, report.n_known, report.refused.total()) == (len(lines), 1, len(lines) - 2)
    said = "\n".join([*report.refused, *report.problems])
    # With --level a record that names none is taken to be at it.
    missing = [reason for reason in cases if reason not in said]
    assert missing == ["does not name its level"]
    # Without --level it is the one that is refused, and the other level is taken as it is.
    report, _ = imported(tmp_path / "without", file)
    assert "it does not name its level of theory" in "\n".join(report.refused)


def test_files_that_are_something_else(tmp_path):
    for name in ("set.db", "set.h5", "set.json", "set.parquet"):
        (tmp_path / name).write_text("no such file")
        with pytest.raises(DatasetError, match=f"{name} is no"):
            imported(tmp_path, tmp_path / name)
    for name, problem in (("set.pkl", "no suffix of a format"), ("set.db.gz", "unpack it")):
        with pytest.raises(UnknownFormatError, match=problem):
            imported(tmp_path, tmp_path / name)
    with pytest.raises(DatasetError, match="cannot be read: No such file"):
        imported(tmp_path, tmp_path / "none.xyz")
    for wishes, problem in (({"kind": "odd"}, "no kind 'odd'"), ({"fields": Fields(unit="Ry")}, "no energy unit 'Ry'")):
        with pytest.raises(ConfigError, match=problem):
            imported(tmp_path, tmp_path / "none.xyz", **wishes)
    pq.write_table(pa.table({"numbers": [[1]], "x": [1.0]}), tmp_path / "columns.parquet")
    with pytest.raises(DatasetError, match="has no positions"):
        imported(tmp_path, tmp_path / "columns.parquet")
    assert list((tmp_path / "imported").glob("*")) == []


def test_a_database_whose_table_is_a_view_is_not_run(rows, tmp_path):
    file, _ = foreign_database(rows[:1], tmp_path)
    with sqlite3.connect(file) as database:
        database.execute("ALTER TABLE systems RENAME TO others")
        database.execute("CREATE VIEW systems AS SELECT * FROM others")
    with pytest.raises(DatasetError, match="no database of ASE"):
        imported(tmp_path, file, level_of_theory=LEVEL)


def test_no_file_beside_an_hdf5_file_is_read(rows, tmp_path):
    spice(rows[:1], tmp_path)
    file = tmp_path / "links.h5"
    with h5py.File(file, "w") as opened:
        opened["there"] = h5py.ExternalLink("spice.hdf5", "/subset 0")
        group = opened.create_group("here")
        group["atomic_numbers"] = rows[0].numbers
        layout = h5py.VirtualLayout(shape=(1, len(rows[0].numbers), 3), dtype=float)
        layout[0] = h5py.VirtualSource(tmp_path / "spice.hdf5", "subset 0/conformations", (1, 13, 3))[0]
        group.create_virtual_dataset("conformations", layout)
        group["dft_total_energy"] = [rows[0].energy / HARTREE_IN_KCAL_MOL]
    report, found = imported(tmp_path, file, level_of_theory=LEVEL)
    assert (found, list(report.refused)) == ([], ["its data set conformations lies in other files"])


def test_budgets(rows, store, tmp_path):
    export_labels(store, tmp_path / "set.xyz")
    report, found = imported(tmp_path, tmp_path / "set.xyz", budget=Budget(records=3))
    assert (len(found), report.problems) == (
        3,
        ["set.xyz: it was left at 3 records; raise the limit to import the rest"],
    )
    report, _ = imported(tmp_path, tmp_path / "set.xyz")
    assert (report.n_new, report.n_known) == (1, 3)
    with pytest.raises(DatasetError, match="is larger than"):
        imported(tmp_path, tmp_path / "set.xyz", budget=Budget(file_bytes=100))
    tight = Budget(piece_bytes=200)
    export_labels(store, tmp_path / "set.json.gz")
    with pytest.raises(DatasetError, match=r"a JSON document of more than .* as \.jsonl"):
        imported(tmp_path, tmp_path / "set.json.gz", budget=tight)
    export_labels(store, tmp_path / "set.parquet")
    with pytest.raises(DatasetError, match="a row group with"):
        imported(tmp_path, tmp_path / "set.parquet", budget=tight)
    file = tmp_path / "empty.h5"
    with h5py.File(file, "w") as opened:  # a few bytes that say to be terabytes
        opened["numbers"] = [1, 1]
        opened.create_dataset("positions", shape=(10**9, 100, 3), chunks=(10**6, 100, 3), dtype="f8")
        opened.create_dataset("energy", shape=(10**9,), dtype="f8", chunks=(100,))
    report, _ = imported(tmp_path, file, level_of_theory=LEVEL)
    assert list(report.refused) == ["its data set positions has chunks of more than # MB"]
    with h5py.File(file, "w") as opened:
        opened["numbers"] = [1, 1]
        opened.create_dataset("positions", shape=(10**9, 2, 3), chunks=(10, 2, 3), dtype="f8")
        opened.create_dataset("energy", shape=(10**9,), dtype="f8", chunks=(100,))
    report, _ = imported(tmp_path, file, level_of_theory=LEVEL, budget=Budget(records=300))
    assert (report.n_records, report.refused.total()) == (300, 301)


def test_the_commands(store, tmp_path, capsys, monkeypatch):
    file, target = tmp_path / "set.h5", tmp_path / "store"
    assert main(["data", "export", str(store.path), "--output", str(file)]) == 0
    assert f"{file}: 4 rows" in capsys.readouterr().out
    assert main(["data", "import", str(file), "--output", str(target), "--level", LEVEL]) == 0
    assert "4 records: 4 new rows, 0 known before" in capsys.readouterr().out
    assert {label.level_of_theory for label in LabelStore(target).labels()} == {LEVEL}
    assert main(["data", "export", str(target), "--output", str(file), "--level", "B3LYP"]) == 3
    assert "has no row to write: at GFN2-xTB" in capsys.readouterr().err
    with pytest.raises(SystemExit) as end:
        main(["data", "import", str(file), "--output", str(target), "--field", "colour=red"])
    assert end.value.code == 2
    assert "with WHAT one of forces" in capsys.readouterr().err
    monkeypatch.setenv("VIRIALFF_READ_ONLY", "1")
    assert main(["data", "import", str(file), "--output", str(target)]) == 4
    assert "Importing labels is refused" in capsys.readouterr().err


@pytest.mark.parametrize("place", [12, 40, -6])
def test_a_damaged_compressed_document_is_named(place: int, tmp_path: Path) -> None:
    content = bytearray(gzip.compress(json.dumps([{"molecule": {}, "name": "x" * 500}]).encode()))
    content[place] ^= 0xFF
    file = tmp_path / "records.json.gz"
    file.write_bytes(content)
    with pytest.raises(DatasetError, match="JSON document that can be read"):
        imported(tmp_path, file)


@pytest.mark.parametrize("packed", [False, True])
def test_data_fields_with_a_number_are_found_in_the_first_record(packed):
    sdf = b"name\n\n\n  0  0\nM  END\n>  <name>  (1)\nfirst\n\n> <E_tot>\n-76.4\n\n$$$$\nx\n> <later>\n1.0\n\n$$$$\n"
    xyz = b'1\nenergy=-0.5 Properties=species:S:1:pos:R:3 level="HF" dipole="1 2 3" E2=\'4\'\nH 0 0 0\n'
    suffix = ".gz" if packed else ""
    if packed:
        sdf, xyz = gzip.compress(sdf), gzip.compress(xyz)
    assert fields_of(f"a.sdf{suffix}", sdf) == ["E_tot"]
    assert fields_of(f"a.extxyz{suffix}", xyz) == ["energy", "E2"]
    assert fields_of("a.h5", b"\x89HDF") == []
    assert fields_of("a.sdf.gz", b"no gzip") == []
    # The beginning of a file that is cut off.
    assert fields_of(f"a.sdf{suffix}", sdf[:-20] if packed else sdf[:80]) in ([], ["E_tot"])
