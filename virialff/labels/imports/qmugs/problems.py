"""What cannot be taken from the published files, by reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

#: Problems of one reason that a report keeps in full; all are counted.
EXAMPLES = 5


class Reason(StrEnum):
    """Why a conformer, or one of its rows, is not imported; the last three do not stand in its way."""

    CUT_OFF = "the archive is cut off or damaged"
    SUMMARY_ROW = "a row of the summary cannot be read"
    DOUBLE_ROW = "a second row of the same conformer"
    NO_STRUCTURE = "a row without a structure"
    NO_ROW = "a structure without a row"
    DOUBLE_STRUCTURE = "a second structure of the same conformer"
    UNREADABLE = "a structure that cannot be read"
    ELEMENT = "an element outside the nine"
    CHARGED = "a charged molecule"
    CHEMISTRY = "a molecule outside the method"
    FRAGMENTS = "more than one molecule"
    BONDS = "bonds that are not those of the geometry"
    MISSING_TAG = "a tag is missing"
    BAD_TAG = "a tag cannot be read"
    DISAGREE = "summary and structure disagree"
    OTHER_GEOMETRY = "the geometry is not that of the calculation"
    FOREIGN_FILE = "a file of the archive that is no conformer"
    UNUSED_TAG = "a tag that is not used is missing (imported)"
    SADDLE = "significant negative wavenumbers (imported as a saddle)"


IMPORTED_ALL_THE_SAME = frozenset({Reason.FOREIGN_FILE, Reason.UNUSED_TAG, Reason.SADDLE})


@dataclass(frozen=True)
class Problem:
    """One thing reported: where it is and what, in words."""

    reason: Reason
    where: str  #: conformer, or file and line
    text: str


class Refused(Exception):
    """Raised within the reader for a conformer that is not taken; it ends as a Problem."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text


class ConformerId(NamedTuple):
    """Molecule and conformer of a row or a structure: the numbers of CHEMBL12 and conf_00."""

    chembl: int
    conformer: int

    def __str__(self) -> str:
        return f"CHEMBL{self.chembl}/conf_{self.conformer:02d}"

    @property
    def key(self) -> int:
        """One integer for both."""
        return self.chembl * 100 + self.conformer


_IDENTIFIERS = re.compile(r"CHEMBL(\d{1,12})/conf_(\d\d)")


def conformer_id(chembl: str, conformer: str) -> ConformerId | None:
    """From the names "CHEMBL12" and "conf_00"; None for what is neither."""
    match = _IDENTIFIERS.fullmatch(f"{chembl.strip()}/{conformer.strip()}")
    return ConformerId(int(match[1]), int(match[2])) if match else None


@dataclass
class Problems:
    """Counts by reason, some examples of each, and a call-back that sees all."""

    on_problem: Callable[[Problem], None] | None = None
    counts: Counter[Reason] = field(default_factory=Counter)
    examples: dict[Reason, list[Problem]] = field(default_factory=dict)

    def add(self, reason: Reason, where: str, text: str) -> None:
        """Count one problem."""
        problem = Problem(reason, where, text)
        self.counts[reason] += 1
        shown = self.examples.setdefault(reason, [])
        if len(shown) < EXAMPLES:
            shown.append(problem)
        if self.on_problem is not None:
            self.on_problem(problem)
