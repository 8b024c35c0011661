"""The evaluation sets: complexes and molecules that no model of this project is trained on.

The list in assets/evaluation/evaluation_sets.json was made before the first training, by
`python -m scripts.freeze_evaluation`. A complex is on it by the unordered pair of its monomers, a
molecule by the first block of its InChIKey (stereoisomers share a graph). A monomer of a listed complex is
free as a single molecule: water alone says nothing about the water dimer.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from virialff.errors import EvaluationSetError
from virialff.settings import ASSETS

if TYPE_CHECKING:
    from virialff.molecules.molecule import Molecule

SCHEMA = "virialff-evaluation-sets/1"
SHIPPED = ASSETS / "evaluation" / "evaluation_sets.json"


def content_sha256(document: dict[str, Any]) -> str:
    """sha256 of the document without its own `sha256`, as JSON with sorted keys and no spaces."""
    content = {key: value for key, value in document.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def first_block(inchikey: str) -> str:
    """The 14 letters that stand for the molecular graph, from a full InChIKey or from the block alone."""
    block = inchikey.split("-", 1)[0]
    if len(block) != 14 or not (block.isascii() and block.isalpha() and block.isupper()):
        raise EvaluationSetError(f"{inchikey!r} is no InChIKey: its first block is 14 capital letters.")
    return block


@dataclass(frozen=True)
class EvaluationSets:
    """The frozen list.

    `complexes` maps the unordered pair of first InChIKey blocks to the names of the complexes ("S66 1 (Water
    Dimer)", ...), `inchikey_pairs` holds the same pairs as full InChIKeys, `molecules` maps the first block
    to the name of the conformer-set molecule.
    """

    complexes: dict[tuple[str, str], tuple[str, ...]]
    inchikey_pairs: frozenset[tuple[str, str]]
    molecules: dict[str, str]
    sha256: str

    @classmethod
    def load(cls, path: Path | None = None) -> "EvaluationSets":
        """Read the shipped list, or another of the same schema; a damaged or foreign file raises
        EvaluationSetError.
        """
        return _load(path or SHIPPED)

    def complex_names(self, inchikeys: Sequence[str]) -> tuple[str, ...]:
        """The listed complexes that any two of these fragments form."""
        blocks = [first_block(key) for key in inchikeys]
        pairs = {(min(a, b), max(a, b)) for a, b in combinations(blocks, 2)}
        return tuple(name for pair in sorted(pairs) for name in self.complexes.get(pair, ()))

    def reason(self, inchikeys: Sequence[str]) -> str | None:
        """Why a molecule (one key) or a complex (a key a fragment) is kept for evaluation; None where it is
        free.
        """
        for key in inchikeys:
            name = self.molecules.get(first_block(key))
            if name:
                return f"it is in the conformer evaluation set ({name})"
        names = self.complex_names(inchikeys)
        if not names:
            return None
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        return f"its fragments form the evaluation complex {names[0]}{more}"


@lru_cache(maxsize=4)
def _load(path: Path) -> EvaluationSets:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EvaluationSetError(
            f"The list of evaluation sets {path} is missing: restore it from the repository before training."
        ) from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise EvaluationSetError(f"The list of evaluation sets {path} is damaged ({error}): restore it.") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise EvaluationSetError(f"{path} is no list of evaluation sets of schema {SCHEMA}.")
    if document.get("sha256") != content_sha256(document):
        raise EvaluationSetError(f"The list of evaluation sets {path} was changed after it was frozen: restore it.")
    complexes: dict[tuple[str, str], tuple[str, ...]] = {}
    for entry in document["complexes"]:
        a, b = sorted(first_block(key) for key in entry["inchikeys"])
        complexes[a, b] = (*complexes.get((a, b), ()), f"{entry['set']} {entry['index']} ({entry['name']})")
    return EvaluationSets(
        complexes=complexes,
        inchikey_pairs=frozenset(tuple(sorted(entry["inchikeys"])) for entry in document["complexes"]),
        molecules={entry["inchikey_block"]: entry["smiles"] for entry in document["conformer_molecules"]},
        sha256=document["sha256"],
    )


def evaluation_reason(molecule: "Molecule | str | Sequence[str]") -> str | None:
    """Why this is kept for evaluation, in words that fit after "refused: "; None where training may use it.

    `molecule` is a Molecule, one InChIKey, or one InChIKey a fragment. Keys are the quick way for large
    pools: a look-up, no chemistry.
    """
    sets = EvaluationSets.load()
    if isinstance(molecule, str):
        return sets.reason([molecule])
    if isinstance(molecule, Sequence):
        return sets.reason(molecule)
    return sets.reason(molecule.canonical_fragment_keys())


def refuse_evaluation(molecules: "Iterable[Molecule | str | Sequence[str]]") -> None:
    """Raise EvaluationSetError on the first record, counted from 1, that is kept for evaluation."""
    for record, molecule in enumerate(molecules, start=1):
        reason = evaluation_reason(molecule)
        if reason:
            name = getattr(molecule, "name", "") or getattr(molecule, "smiles", "") or molecule
            raise EvaluationSetError(
                f"Record {record} ({name}) may not be trained on: {reason}. Take it out of the training data."
            )
