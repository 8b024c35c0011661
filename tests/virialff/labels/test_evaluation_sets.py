"""The frozen list, looked up with real molecules and with every complex of psi4-data."""

import json

import pytest
from rdkit import Chem

from scripts.freeze_evaluation import CONFORMER_QUOTAS, complexes_of
from virialff.benchmarks.psi4_databases import SOURCES, read_database
from virialff.elements import ATOMIC_NUMBERS
from virialff.errors import EvaluationSetError
from virialff.labels.evaluation_sets import (
    SHIPPED,
    EvaluationSets,
    content_sha256,
    evaluation_reason,
    first_block,
    refuse_evaluation,
)
from virialff.molecules.molecule import Molecule

WATER = "XLYOFNOQVPJJNP-UHFFFAOYSA-N"
METHYL_CHLORIDE = "NEHMKBQYUWJMIP-UHFFFAOYSA-N"
BENZENE = "UHOVQNZJYSORNB-UHFFFAOYSA-N"


@pytest.fixture(scope="module")
def document():
    return json.loads(SHIPPED.read_text(encoding="utf-8"))


@pytest.mark.usefixtures("psi4_data")
def test_shipped_list_is_what_the_command_makes_of_psi4_data(document):
    listed, outside = complexes_of(SOURCES)
    assert [entry for entry in document["complexes"] if entry["set"] != "base pairs"] == listed
    assert document["out_of_domain"] == outside
    assert document["counts"]["complexes"] == {
        "S66": 66, "S66x8": 66, "S22": 22, "S22x5": 22, "A24": 21, "JSCH": 123, "base pairs": 2,
    }  # fmt: skip


def test_what_lies_outside_the_domain_is_listed_with_its_reason(document):
    reasons = {(entry["set"], entry["index"]): entry["reason"] for entry in document["out_of_domain"]}
    assert reasons == {
        ("A24", 16): "element B",
        ("A24", 20): "element Ar",
        ("A24", 21): "element Ar",
        ("JSCH", 8): "monomer 2 has net charge +1",
    }


def test_base_pairs_are_the_watson_crick_pairs(document):
    pairs = {entry["name"]: entry["inchikeys"] for entry in document["complexes"] if entry["set"] == "base pairs"}
    thymine, adenine = "Cc1c[nH]c(=O)[nH]c1=O", "Nc1ncnc2[nH]cnc12"
    guanine, cytosine = "Nc1nc2[nH]cnc2c(=O)[nH]1", "Nc1cc[nH]c(=O)n1"
    for name, smiles in {"A-T": (adenine, thymine), "G-C": (guanine, cytosine)}.items():
        assert pairs[name] == sorted(Chem.MolToInchiKey(Chem.MolFromSmiles(text)) for text in smiles)


def test_conformer_molecules_are_what_the_rules_ask_for(document):
    entries = document["conformer_molecules"]
    assert len({entry["inchikey_block"] for entry in entries}) == len(entries) == 40
    sizes = [entry["heavy_atoms"] for entry in entries]
    assert {size: sizes.count(size) for size in set(sizes)} == CONFORMER_QUOTAS
    for entry in entries:
        molecule = Molecule.from_smiles(entry["smiles"])
        assert first_block(molecule.inchikey) == entry["inchikey_block"]
        assert set(molecule.numbers) <= set(ATOMIC_NUMBERS)
        assert entry["rotatable_bonds"] >= 2
        assert evaluation_reason(molecule) == f"it is in the conformer evaluation set ({entry['smiles']})"


@pytest.mark.usefixtures("psi4_data")
@pytest.mark.parametrize("database", ["S66", "S66x8", "S22", "S22x5", "A24", "JSCH"])
def test_every_complex_is_found_in_either_order(database):
    sets = EvaluationSets.load()
    done = set()
    for item in read_database(database):
        outside = item.charge or not set(item.numbers) <= set(ATOMIC_NUMBERS)
        if outside or item.index in done:
            continue
        done.add(item.index)
        molecule = Molecule.from_rdkit(item.to_rdkit())
        swapped = Molecule.join(molecule.fragment(1), molecule.fragment(0))
        full = tuple(sorted(molecule.fragment(k).inchikey for k in (0, 1)))
        assert full in sets.inchikey_pairs, item.label
        assert evaluation_reason(molecule) == evaluation_reason(swapped) is not None, item.label
    assert len(done) == {"S66": 66, "S66x8": 66, "S22": 22, "S22x5": 22, "A24": 21, "JSCH": 123}[database]


def test_monomers_are_free_alone_and_refused_together():
    assert evaluation_reason(Molecule.from_smiles("O")) is None
    assert evaluation_reason(BENZENE) is None
    assert "S66 1 (Water Dimer)" in (evaluation_reason([WATER, WATER]) or "")
    assert evaluation_reason([BENZENE, WATER]) == evaluation_reason([WATER, BENZENE]) is not None
    assert evaluation_reason(Molecule.from_smiles("O.CCCl")) is None


def test_a_larger_complex_that_holds_a_listed_pair_is_refused():
    assert "S66 54" in (evaluation_reason(Molecule.from_smiles("O.CCCl.c1ccccc1")) or "")


def test_a_complex_with_a_conformer_set_molecule_is_refused():
    assert "conformer evaluation set" in (evaluation_reason(Molecule.from_smiles("CCCl.CCCCCCCC")) or "")


def test_stereoisomers_and_tautomers_are_refused_with_the_listed_molecule():
    for smiles in ("C[C@H](CO)CC(F)(F)F", "C[C@@H](CO)CC(F)(F)F"):
        assert (
            evaluation_reason(Molecule.from_smiles(smiles)) == "it is in the conformer evaluation set (CC(CO)CC(F)(F)F)"
        )
    guanine_enol, cytosine_imino = "Nc1nc(O)c2[nH]cnc2n1", "N=c1cc[nH]c(=O)[nH]1"
    assert evaluation_reason(Molecule.from_smiles(f"{guanine_enol}.{cytosine_imino}")) is not None


def test_refusal_names_the_record():
    free: list[Molecule | str | list[str]] = [Molecule.from_smiles("O"), BENZENE, [WATER, METHYL_CHLORIDE]]
    refuse_evaluation(free)
    with pytest.raises(EvaluationSetError, match=r"Record 4 \(octane\) may not be trained on: it is in the conformer"):
        refuse_evaluation([*free, Molecule.from_smiles("CCCCCCCC octane")])


def test_what_is_no_inchikey_is_refused():
    with pytest.raises(EvaluationSetError, match="'CCO' is no InChIKey"):
        evaluation_reason("CCO")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["conformer_molecules"].pop(), "was changed after it was frozen"),
        (lambda d: d.update(schema="virialff-evaluation-sets/2"), "no list of evaluation sets of schema"),
    ],
)
def test_a_changed_list_is_refused(document, tmp_path, change, message):
    changed = json.loads(json.dumps(document))
    change(changed)
    path = tmp_path / "list.json"
    path.write_text(json.dumps(changed), encoding="utf-8")
    with pytest.raises(EvaluationSetError, match=message):
        EvaluationSets.load(path)


def test_a_damaged_or_missing_list_is_refused(tmp_path):
    path = tmp_path / "list.json"
    with pytest.raises(EvaluationSetError, match="is missing"):
        EvaluationSets.load(path)
    path.write_bytes(SHIPPED.read_bytes()[:2000])
    with pytest.raises(EvaluationSetError, match="is damaged"):
        EvaluationSets.load(path)


def test_the_shipped_sha256_is_that_of_its_content(document):
    assert content_sha256(document) == document["sha256"] == EvaluationSets.load().sha256
