"""Make assets/evaluation/evaluation_sets.json, the list of what no model of this project is trained on.

    python -m scripts.freeze_evaluation --qm9 FOLDER [--output FILE] [--check]

Run once, before the first training. The complexes come from psi4-data; the conformer set is drawn from the
QM9 tables (qm9_part1.csv ...) in the wheel of `qm9pack` (`pip download --no-deps qm9pack`, unzip). The same
input gives the same bytes: the order of the draw is a hash of the seed and the InChIKey, not a random
generator.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from rdkit import Chem, DataStructs, rdBase
from rdkit.Chem import rdFingerprintGenerator, rdMolDescriptors

from virialff.benchmarks.psi4_databases import SOURCES, ReferenceComplex, read_database
from virialff.elements import ATOMIC_NUMBERS, symbol
from virialff.errors import EvaluationSetError
from virialff.labels.evaluation_sets import SCHEMA, SHIPPED, content_sha256

SEED = 2026
#: Molecules of the conformer set by number of heavy atoms.
CONFORMER_QUOTAS = {7: 8, 8: 12, 9: 20}
#: At least this many of them hold fluorine, which is rare in QM9.
N_WITH_FLUORINE = 5
MIN_ROTATABLE_BONDS = 2
#: Two molecules of the set are less alike than this (Tanimoto, Morgan fingerprints of radius 2, 2048 bits).
MAX_SIMILARITY = 0.35
#: QM9 enumerates graphs; these patterns are what a chemist would not find in a bottle.
UNLIKELY = {
    "three- or four-membered ring": "[r3,r4]",
    "peroxide": "[OX2][OX2]",
    "chain of three nitrogen or oxygen atoms": "[N,O;!R]~[N,O;!R]~[N,O;!R]",
    "fluorine on nitrogen or oxygen": "F[N,O]",
    "imine N-H that is no amidine": "[CX3;!$(C[NX3])]=[NX2H]",
    "acyclic imidate": "[CX3;!R](=[NX2])[OX2]",
    "acyclic imine": "[CX3;!R;!$(C[N,O])]=[NX2;!$(N[O,N])]",
    "N-acyl amidine": "[NX3]([CX3]=[NX2])[CX3]=[O,N]",
    "vicinal dicarbonyl": "[CX3](=O)[CX3]=O",
    "formyl ester of an enol or phenol": "[CX3H1](=O)[OX2][c,$(C=C)]",
    "hemiaminal or gem-diol": "[CX4]([OX2H])[OX2,NX3]",
}
#: Groups that QM9 has far more of than a catalogue: no more than so many molecules of the set hold one.
AT_MOST = {"[CX3H1](=O)[#6]": 6, "C#C": 5, "C#N": 4}


def complexes_of(databases: Iterable[str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The entries of the list and those outside the domain, with the reason; curves count once."""
    listed: dict[tuple[str, int], dict[str, Any]] = {}
    outside: dict[tuple[str, int], dict[str, Any]] = {}
    for database in databases:
        for item in read_database(database):
            entry = {"set": database, "index": item.index, "name": item.name}
            place = (database, item.index)
            reason = _outside_domain(item)
            if reason:
                outside[place] = {**entry, "reason": reason}
                continue
            keys = sorted(Chem.MolToInchiKey(fragment.to_rdkit()) for fragment in item.fragments)
            if place in listed and listed[place]["inchikeys"] != keys:
                raise EvaluationSetError(f"{item.label}: the monomers change along the curve: {keys}.")
            listed[place] = {**entry, "inchikeys": keys}
    return list(listed.values()), list(outside.values())


def _outside_domain(item: ReferenceComplex) -> str:
    foreign = sorted({int(number) for number in item.numbers} - set(ATOMIC_NUMBERS))
    if foreign:
        return f"element {', '.join(symbol(number) for number in foreign)}"
    for fragment, monomer in enumerate(item.fragments, start=1):
        if monomer.charge:
            return f"monomer {fragment} has net charge {monomer.charge:+d}"
        if monomer.multiplicity != 1:
            return f"monomer {fragment} has multiplicity {monomer.multiplicity}"
    return ""


def base_pairs(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The two Watson-Crick pairs of the paper's table under their own names."""
    wanted = {"A-T": ("JSCH", "A...T WC"), "G-C": ("JSCH", "G...C WC")}
    pairs = []
    for index, (name, (database, label)) in enumerate(wanted.items(), start=1):
        match = next(entry for entry in listed if entry["set"] == database and entry["name"] == label)
        pairs.append({"set": "base pairs", "index": index, "name": name, "inchikeys": match["inchikeys"]})
    return pairs


def conformer_candidates(qm9_folder: Path) -> list[dict[str, Any]]:
    """Molecules of QM9 fit for a conformer set, in the order of the draw."""
    paths = [qm9_folder / f"qm9_part{part}.csv" for part in (1, 2, 3)]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise EvaluationSetError(
            f"{', '.join(missing)} not found in {qm9_folder}: unzip the wheel of qm9pack "
            "and give its folder qm9pack/data."
        )
    patterns = [Chem.MolFromSmarts(text) for text in UNLIKELY.values()]
    candidates: dict[str, dict[str, Any]] = {}
    for path in paths:
        table = pd.read_csv(path, usecols=["Index", "SMILES", "InChi"])
        for number, smiles, inchi in zip(table["Index"], table["SMILES"], table["InChi"], strict=True):
            molecule = Chem.MolFromSmiles(smiles)
            if molecule is None or molecule.GetNumHeavyAtoms() not in CONFORMER_QUOTAS:
                continue
            rotatable = rdMolDescriptors.CalcNumRotatableBonds(molecule)
            if rotatable < MIN_ROTATABLE_BONDS or any(molecule.HasSubstructMatch(pattern) for pattern in patterns):
                continue
            if any(atom.GetFormalCharge() or atom.GetNumRadicalElectrons() for atom in molecule.GetAtoms()):
                continue
            block = Chem.MolToInchiKey(molecule)[:14]
            # some rows of QM9 carry a SMILES that its relaxed geometry left behind
            if not block or block != Chem.InchiToInchiKey(inchi)[:14] or block in candidates:
                continue
            candidates[block] = {
                "inchikey_block": block,
                "smiles": Chem.MolToSmiles(molecule, isomericSmiles=False),
                "heavy_atoms": molecule.GetNumHeavyAtoms(),
                "rotatable_bonds": rotatable,
                "qm9_index": int(number),
            }
    return sorted(candidates.values(), key=lambda entry: _draw(entry["inchikey_block"]))


def _draw(block: str) -> str:
    return hashlib.sha256(f"conformers:{SEED}:{block}".encode()).hexdigest()


def choose_conformer_set(candidates: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sphere exclusion in the order of the draw: first molecules with fluorine, then the quotas by size."""
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    quotas = dict(CONFORMER_QUOTAS)
    chosen: list[dict[str, Any]] = []
    fingerprints: list[Any] = []

    patterns = {text: Chem.MolFromSmarts(text) for text in AT_MOST}
    limits = dict(AT_MOST)

    def take(entry: dict[str, Any]) -> bool:
        molecule = Chem.MolFromSmiles(entry["smiles"])
        groups = [text for text, pattern in patterns.items() if molecule.HasSubstructMatch(pattern)]
        if not quotas[entry["heavy_atoms"]] or any(limits[text] == 0 for text in groups):
            return False
        fingerprint = generator.GetFingerprint(molecule)
        if fingerprints and max(DataStructs.BulkTanimotoSimilarity(fingerprint, fingerprints)) >= MAX_SIMILARITY:
            return False
        quotas[entry["heavy_atoms"]] -= 1
        for text in groups:
            limits[text] -= 1
        chosen.append(entry)
        fingerprints.append(fingerprint)
        return True

    n_fluorine = 0
    for entry in candidates:
        if "F" in entry["smiles"] and n_fluorine < N_WITH_FLUORINE:
            n_fluorine += take(entry)
    for entry in candidates:
        if "F" not in entry["smiles"]:
            take(entry)
    if any(quotas.values()):
        raise EvaluationSetError(
            f"The conformer set is short of {quotas} molecules by heavy atoms: raise MAX_SIMILARITY."
        )
    return sorted(chosen, key=lambda entry: entry["qm9_index"])


def build(qm9_folder: Path) -> dict[str, Any]:
    """The whole document, with its sha256."""
    listed, outside = complexes_of(SOURCES)
    listed += base_pairs(listed)
    candidates = conformer_candidates(qm9_folder)
    molecules = choose_conformer_set(candidates)
    counts = {name: sum(entry["set"] == name for entry in listed) for name in [*SOURCES, "base pairs"]}
    document = {
        "schema": SCHEMA,
        "seed": SEED,
        "provenance": {
            "complexes": {name: source for name, (_, source) in SOURCES.items()},
            "complexes_read_from": "Debian package psi4-data; bonds perceived from the geometries by RDKit",
            "conformer_molecules": "QM9 (Ramakrishnan et al., Sci. Data 1, 140022 (2014)) in qm9pack 1.0.3",
            "conformer_rules": {
                "heavy_atoms": CONFORMER_QUOTAS,
                "min_rotatable_bonds": MIN_ROTATABLE_BONDS,
                "max_similarity": MAX_SIMILARITY,
                "with_fluorine": N_WITH_FLUORINE,
                "left_out": UNLIKELY,
                "at_most": AT_MOST,
                "candidates": len(candidates),
            },
            "rdkit": rdBase.rdkitVersion,
        },
        "counts": {
            "complexes": counts,
            "distinct_pairs": len({tuple(entry["inchikeys"]) for entry in listed}),
            "out_of_domain": len(outside),
            "conformer_molecules": len(molecules),
        },
        "complexes": listed,
        "out_of_domain": outside,
        "conformer_molecules": molecules,
    }
    document = json.loads(json.dumps(document))
    document["sha256"] = content_sha256(document)
    return document


def text_of(document: dict[str, Any]) -> str:
    """One line an entry, so that a change of the list is readable as a difference."""
    parts = []
    for key, value in document.items():
        if isinstance(value, list):
            rows = ",\n".join("  " + json.dumps(entry) for entry in value)
            parts.append(f'"{key}": [\n{rows}\n]')
        else:
            parts.append(f'"{key}": {json.dumps(value, indent=1)}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main(arguments: list[str] | None = None) -> int:
    """0: written, or `--check` found the same list; 1: the list differs or is there already; 2: input
    missing.
    """
    parser = argparse.ArgumentParser(description="Freeze the evaluation sets: what no model is trained on.")
    parser.add_argument("--qm9", type=Path, required=True, help="folder with qm9_part1.csv ... (qm9pack/data)")
    parser.add_argument("--output", type=Path, default=SHIPPED)
    parser.add_argument("--check", action="store_true", help="compare with the file instead of writing it")
    options = parser.parse_args(arguments)
    try:
        text = text_of(build(options.qm9))
    except EvaluationSetError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if options.output.exists():
        same = options.output.read_text(encoding="utf-8") == text
        verdict = "the same list" if same else "another list; a frozen list is not overwritten"
        sys.stdout.write(f"{options.output}: {verdict}\n")
        return 0 if same else 1
    if options.check:
        sys.stderr.write(f"{options.output} is not there to check.\n")
        return 2
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{options.output}: written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
