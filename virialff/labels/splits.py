"""Splits by molecular graph: the first InChIKey block decides, so stereoisomers stay together."""

import hashlib
from collections.abc import Collection, Sequence
from typing import Literal

from virialff.errors import ConfigError
from virialff.labels.evaluation_sets import first_block

Split = Literal["train", "validation", "test"]
Fractions = tuple[float, float, float]
SPLITS: tuple[Split, Split, Split] = ("train", "validation", "test")
#: Pool name of our own list of small monomers, which always train.
MONOMERS = "monomers"
#: The paper's parts of QMugs: 227,613 train, 19,814 validation and 56,904 test molecules of 304,331.
PAPER_FRACTIONS: Fractions = (0.748, 0.065, 0.187)
DEFAULT_FRACTIONS: Fractions = (0.8, 0.1, 0.1)
#: Fractions of train, validation and test by the name under which commands offer them.
NAMED_FRACTIONS: dict[str, Fractions] = {"default": DEFAULT_FRACTIONS, "paper": PAPER_FRACTIONS}


def split_of(inchikey: str, *, seed: int, fractions: Fractions = DEFAULT_FRACTIONS) -> Split:
    """The part of a molecule: the same on every machine, and unmoved when the pool grows.

    inchikey: full, or its first block alone.
    fractions: of train, validation and test.

    Raises ConfigError if a fraction is negative or they do not add up to 1, EvaluationSetError for what is no
    InChIKey.
    """
    return _part(first_block(inchikey), seed, fractions)


def split_of_complex(inchikeys: Sequence[str], *, seed: int, fractions: Fractions = DEFAULT_FRACTIONS) -> Split:
    """The part of a complex, by the unordered set of its monomers' graphs: the same monomers, the same part.

    inchikeys: one a monomer, full or first block.

    Raises ConfigError and EvaluationSetError as `split_of`.
    """
    return _part("+".join(sorted(first_block(key) for key in inchikeys)), seed, fractions)


def split_of_record(
    inchikeys: Sequence[str], *, always_train: Collection[str], seed: int, fractions: Fractions = DEFAULT_FRACTIONS
) -> Split:
    """The part of a labelled molecule (one InChIKey) or complex (one a monomer), as training packs divide them.

    always_train: InChIKeys that train whatever their draw: our own list of small monomers, the partners of most
    complexes. A complex is held out when a partner is a held-out molecule, and otherwise by the set of its partners.

    Raises ConfigError and EvaluationSetError as `split_of`.
    """
    parts: list[Split] = [
        "train" if key in always_train else split_of(key, seed=seed, fractions=fractions) for key in inchikeys
    ]
    if len(parts) == 1:
        return parts[0]
    for part in SPLITS[:0:-1]:
        if part in parts:
            return part
    return split_of_complex(inchikeys, seed=seed, fractions=fractions)


def _part(graph: str, seed: int, fractions: Fractions) -> Split:
    if any(fraction < 0 for fraction in fractions) or abs(sum(fractions) - 1.0) > 1e-9:
        raise ConfigError(f"Split fractions {fractions} must not be negative and must add up to 1.")
    digest = hashlib.sha256(f"{seed}:{graph}".encode()).digest()
    draw = int.from_bytes(digest[:8], "big") / 2**64
    if draw < fractions[0]:
        return "train"
    return "validation" if draw < fractions[0] + fractions[1] else "test"
