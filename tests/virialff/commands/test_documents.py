"""Every JSON output says what it is, in the same words; energies are in the unit asked for."""

import argparse
import io
import json
from collections.abc import Iterator

import pandas as pd
import pytest
from rdkit import Chem

from virialff import load_model
from virialff.benchmarks.reference_data import load_references
from virialff.cli import BUILT_IN, build_parser, main
from virialff.documents import VERSION
from virialff.parameters.tables import force_field_json
from virialff.settings import ASSETS
from virialff.units import ENERGY_UNITS

METHODS = ["--method", "model,gfn2"]
MOLECULES = {
    "params": ["params", "OCC ethanol"],
    "energy": ["energy", "OCC ethanol", "--generate", "2", *METHODS],
    "conformers": ["conformers", "OCC ethanol", "--generate", "2", *METHODS],
    "scan": ["scan", "OCC ethanol", "--atoms", "1,2,3", "--points", "3", *METHODS],
    "interaction": ["interaction", "DIMER", *METHODS],
}
OTHERS = {
    "info": ["info"],
    "models": ["models", "list"],
    "model": ["models", "default"],
    "model_card": ["models", "show"],
    "data_info": ["data", "info", str(ASSETS / "data" / "gfn2_small.parquet")],
    "jobs": ["jobs", "list"],
    "devices": ["jobs", "devices"],
}
#: Those that change something, or need a job: their own tests look at them.
ELSEWHERE = {
    "models add",
    "models remove",
    "jobs show",
    "jobs follow",
    "jobs stop",
    "jobs resume",
    "jobs",
}


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("VIRIALFF_RUNS", str(tmp_path / "runs"))
    water = next(dimer for dimer in load_references(ASSETS / "data" / "references.parquet").dimers if dimer.index == 1)
    mol = water.molecule.to_rdkit()
    mol.SetProp("_Name", "water dimer")
    file = tmp_path / "water.sdf"
    file.write_text(Chem.MolToMolBlock(mol) + "$$$$\n")

    def call(words, *more):
        assert main([str(file) if word == "DIMER" else word for word in words] + list(more)) == 0
        return capsys.readouterr().out

    return call


def commands_with(option: str) -> Iterator[str]:
    """Names of all commands and actions that have an option."""

    def walk(parser: argparse.ArgumentParser, name: str) -> Iterator[str]:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for word, inner in action.choices.items():
                    yield from walk(inner, f"{name} {word}".strip())
            elif option in action.option_strings:
                yield name

    for command in (*BUILT_IN, "jobs", "label", "train", "ship"):
        parser, _ = build_parser([command])
        yield from (name for name in walk(parser, "") if name.split()[0] == command)


def test_no_command_with_json_is_forgotten():
    tested = {" ".join(words[: 1 if kind in MOLECULES else 2]) for kind, words in (MOLECULES | OTHERS).items()}
    tested = {name.removesuffix(" OCC ethanol") for name in tested}
    assert set(commands_with("--json")) - ELSEWHERE == tested


@pytest.mark.parametrize("kind", [*MOLECULES, *OTHERS])
def test_every_document_says_what_it_is(run, kind):
    document = json.loads(run((MOLECULES | OTHERS)[kind], "--json"), parse_constant=pytest.fail)
    assert next(iter(document)) == "schema"
    assert document["schema"] == {"name": f"virialff.{kind}", "version": VERSION}


@pytest.mark.parametrize("kind", MOLECULES)
def test_molecules_have_the_same_words_everywhere(run, kind):
    document = json.loads(run(MOLECULES[kind], "--json"))
    assert document["record"] == 1
    assert document["name"] == ("water dimer" if kind == "interaction" else "ethanol")
    assert isinstance(document["smiles"], str)
    assert isinstance(document["notes"], list)
    assert document["units"]["energy"] == "kcal/mol"
    if kind != "params":
        levels = {name: method["level_of_theory"] for name, method in document["methods"].items()}
        assert levels == {"model": load_model().level_of_theory, "gfn2": "GFN2-xTB"}


@pytest.mark.parametrize("kind", MOLECULES)
def test_unit_of_text_tables_and_json(run, kind):
    words = MOLECULES[kind]
    key = "vertical" if kind == "interaction" else "relative"
    values, columns = {}, {}
    for name, unit in ENERGY_UNITS.items():
        document = json.loads(run(words, "--json", "--unit", name))
        assert document["units"]["energy"] == name
        found = document["pairs"]["epsilon"] if kind == "params" else document["methods"]["gfn2"][key]
        largest = found if isinstance(found, float) else max(value for value in found if value is not None)
        values[name] = largest * unit.in_kcal_mol
        table = pd.read_csv(io.StringIO(run(words, "--output", "-", "--unit", name)))
        assert table[["record", "name"]].drop_duplicates().to_numpy().tolist() == [[1, document["name"]]]
        named = [column for column in map(str, table.columns) if f"({name})" in column or column.endswith(unit.suffix)]
        columns[name] = len(named)
        text = run(words, "--unit", name)
        assert name in text or f"_{unit.suffix}" in text
    assert set(columns.values()) == {columns["kcal/mol"]}
    assert columns["kcal/mol"] > 0
    assert all(value == pytest.approx(values["kcal/mol"], rel=1e-9) for value in values.values())


def test_every_command_that_gives_energies_takes_the_unit():
    assert set(commands_with("--unit")) >= set(MOLECULES)


def test_json_carries_what_text_says(run, capsys, tmp_path):
    file = tmp_path / "open.smi"
    file.write_text("FC(Cl)Br open\nC1CC broken\n")
    assert main(["energy", str(file), "--generate", "1", "--json"]) == 1
    printed = capsys.readouterr()
    good, bad = (json.loads(line) for line in printed.out.splitlines())
    said = [line for line in printed.err.splitlines() if "record 1 (open)" in line]
    assert said
    notes = [f"virialff: record 1 (open): {note}" for note in good["notes"]]
    assert set(said) <= set(notes)
    # The rest is what the text has on standard output.
    main(["energy", str(file), "--generate", "1"])
    text = capsys.readouterr().out
    assert all(note in text for note in good["notes"] if f"virialff: record 1 (open): {note}" not in said)
    assert (bad["record"], bad["name"], bad["notes"]) == (2, "broken", [])
    assert bad["error"] in printed.err


def test_the_json_of_the_molecule_page_is_the_document_of_params():
    model = load_model()
    from virialff.molecules.molecule import Molecule

    molecule = Molecule.from_smiles("CCO ethanol")
    document = json.loads(force_field_json(model.force_field(molecule), model=model))
    assert document["schema"] == {"name": "virialff.params", "version": VERSION}
    assert document["name"] == "ethanol"
