"""Contacts of a named class: halogen, chalcogen and pnictogen bonds, hydrogen bonds, stacks, repulsive ones.

The molecules of each class are written for this project. How a pair is arranged, its family says
(training.labelling.structures.complexes).
"""

import random
from collections.abc import Callable
from dataclasses import asdict
from typing import NamedTuple

from rdkit import Chem

from training.labelling.config import CampaignConfig
from training.labelling.plan.dft_draws import DftComplexTask
from training.labelling.plan.draws import ComplexTask
from training.labelling.structures import complexes
from virialff.errors import ConfigError
from virialff.labels.evaluation_sets import evaluation_reason
from virialff.text import counted

#: Source of the molecules of the lists.
SOURCE = "contacts"

_HALOGEN = (
    "CCl", "CBr", "FC(F)(F)Cl", "FC(F)(F)Br", "Clc1ccccc1", "Brc1ccccc1", "ClC#C", "BrC#C", "ClC#N", "BrC#N",
    "ClC=C", "BrC=C", "ClCl", "BrBr", "FCl", "FBr", "ClBr", "ClC(Cl)Cl", "BrC(Br)Br", "ClN1C(=O)CCC1=O",
    "Fc1c(F)c(F)c(Br)c(F)c1F", "Brc1ccncc1", "Clc1ccccn1", "BrCC#N", "COCl", "CN(C)Cl", "CSCl", "FC(F)=C(F)Br",
    "O=C(Cl)C", "O=CBr",
)  # fmt: skip
_CHALCOGEN = (
    "CSC", "CS", "S", "FSF", "CSF", "CSCl", "ClSCl", "CSSC", "CSC#N", "CSC(F)(F)F", "c1ccsc1", "c1cscn1", "c1cnsn1",
    "CSc1ccccc1", "O=S=O", "CS(C)=O", "C1CCSC1", "N#CSC#N", "CSC=O", "FC(F)(F)SC(F)(F)F", "c1ccc2nsnc2c1",
    "CSN(C)C",
)  # fmt: skip
_PNICTOGEN = (
    "P", "CP", "CP(C)C", "PF", "FP(F)F", "ClP(Cl)Cl", "CP(F)F", "CP(Cl)Cl", "CP(C)F", "CP(C)Cl", "COP(OC)OC",
    "PC#N", "CP(C)C#N", "FP(F)C(F)(F)F", "CN(C)P(F)F", "CP(C)OC", "Pc1ccccc1", "CP(C)SC",
)  # fmt: skip
_ACCEPTORS = (
    "N", "CN(C)C", "CNC", "c1ccncc1", "CC#N", "C#N", "O", "CO", "COC", "C=O", "CC(C)=O", "NC=O", "CC(=O)N(C)C",
    "CS(C)=O", "CP(C)(C)=O", "C[N+](C)(C)[O-]", "c1cc[n+]([O-])cc1", "S", "CSC", "CF", "CCl", "CBr", "Cl",
    "C1CCOC1", "O=C=O", "c1ccoc1", "Cn1ccnc1", "CP(C)C", "C=S", "NC=S", "F",
)  # fmt: skip
_OXO_ACCEPTORS = (
    "CP(C)(C)=O", "COP(C)(C)=O", "COP(=O)(OC)OC", "CP(=O)(OC)OC", "O=P", "CP(=O)(F)F", "CN(C)P(C)(C)=O",
    "CP(C)(C)=S", "C[N+](C)(C)[O-]", "c1cc[n+]([O-])cc1", "Cc1cc[n+]([O-])cc1", "CS(C)=O", "CS(C)(=O)=O",
    "CS(N)(=O)=O", "CNS(C)(=O)=O", "COS(C)(=O)=O", "C[N+](=O)[O-]", "O=S=O", "CS(F)(=O)=O", "C=[N+](C)[O-]",
)  # fmt: skip
_DONORS = (
    "O", "CO", "N", "CN", "CNC", "CC(=O)O", "OC=O", "NC=O", "CNC(C)=O", "c1cc[nH]c1", "Oc1ccccc1", "Nc1ccccc1",
    "C#C", "C#N", "CS", "S", "Cl", "F", "Br", "NO", "OO", "CC(N)=O", "CNS(C)(=O)=O", "CP(=O)(O)O", "NC(N)=O",
    "CNC=O", "c1c[nH]cn1", "ClC(Cl)Cl", "OC(F)(F)F", "CP", "Oc1ccncc1", "FC(F)(F)C(=O)O",
)  # fmt: skip
_ACIDS_AMIDES = (
    "OC=O", "CC(=O)O", "CCC(=O)O", "FC(F)(F)C(=O)O", "OC(=O)c1ccccc1", "NC=O", "CC(N)=O", "CNC=O", "CNC(C)=O",
    "NC(N)=O", "CNC(N)=O", "NC(=O)c1ccccc1", "NC=S", "CC(N)=S", "NC=N", "CC(N)=N", "O=c1cccc[nH]1", "O=C1CCCN1",
    "Nc1ccccn1", "CP(C)(=O)O", "CS(=O)(=O)O", "CC(=O)NO", "CNC(=O)OC", "ONC=O", "OC(=O)C=C", "c1cn[nH]c1",
    "CC(=O)NN", "O=c1cc[nH]c(=O)[nH]1",
)  # fmt: skip
_STACKED = (
    "c1ccccc1", "c1ccncc1", "c1cnccn1", "c1ncncn1", "c1ccoc1", "c1ccsc1", "c1cc[nH]c1", "c1c[nH]cn1",
    "c1ccc2ccccc2c1", "c1ccc2[nH]ccc2c1", "O=c1cc[nH]c(=O)[nH]1", "Nc1ccccc1", "Oc1ccccc1", "Fc1ccccc1",
    "Clc1ccccc1", "Cc1ccccc1", "N#Cc1ccccc1", "O=[N+]([O-])c1ccccc1", "c1ccc2ncccc2c1", "c1cocn1", "c1cscn1",
    "c1cnoc1", "O=C1C=CC(=O)C=C1", "Fc1c(F)c(F)c(F)c(F)c1F", "NC=O", "C=CC=C", "OC=O", "N#CC#N", "Nc1ccnc(=O)[nH]1",
    "CC(=O)C=C",
)  # fmt: skip
_ALKANES = (
    "C", "CC", "CCC", "CCCC", "CCCCC", "CCCCCC", "CC(C)C", "CC(C)(C)C", "CC(C)CC", "C1CC1", "C1CCC1", "C1CCCC1",
    "C1CCCCC1", "C=C", "C=CC", "C#C", "CC#C", "CC=CC", "C1=CCCCC1", "c1ccccc1", "Cc1ccccc1", "CF", "FC(F)F",
    "FC(F)(F)F", "FC(F)(F)C(F)(F)F", "CCF", "CCl", "COC", "CSC", "CCOCC", "C1CCOCC1", "CN(C)C",
    "C1C2CC3CC1CC(C2)C3", "CC(C)C(C)C", "CCCCCCC",
)  # fmt: skip
_REPULSIVE = (
    "CF", "FC(F)F", "FC(F)(F)F", "CCl", "ClC(Cl)Cl", "CBr", "FF", "ClCl", "O=C=O", "O", "CO", "COC", "C=O",
    "CC(C)=O", "NC=O", "COC=O", "N", "CN(C)C", "CC#N", "C#N", "c1ccncc1", "CS(C)=O", "CS(C)(=O)=O", "CSC", "S",
    "CP(C)(C)=O", "CP(C)C", "c1ccoc1", "C[N+](=O)[O-]", "C[N+](C)(C)[O-]", "Fc1ccccc1", "C=S", "CN=[N+]=[N-]",
    "N#N", "FP(F)F", "CSSC", "OO", "CP(C)(C)=S",
)  # fmt: skip


class ContactClass(NamedTuple):
    """Molecules of either side, and the family that arranges them."""

    first: tuple[str, ...]
    second: tuple[str, ...]
    family: str


#: By the name that the configuration uses.
CLASSES = {
    "halogen": ContactClass(_HALOGEN, _ACCEPTORS, complexes.HALOGEN_BOND),
    "chalcogen": ContactClass(_CHALCOGEN, _ACCEPTORS, complexes.CHALCOGEN_BOND),
    "pnictogen": ContactClass(_PNICTOGEN, _ACCEPTORS, complexes.PNICTOGEN_BOND),
    "oxo_acceptor": ContactClass(_DONORS, _OXO_ACCEPTORS, complexes.HYDROGEN_BOND),
    "oxo_relaxed": ContactClass(_DONORS, _OXO_ACCEPTORS, complexes.RELAXED),
    "acid_amide": ContactClass(_ACIDS_AMIDES, _ACIDS_AMIDES, complexes.RELAXED),
    "hydrogen_bond": ContactClass(_DONORS, _ACCEPTORS, complexes.HYDROGEN_BOND),
    "stack": ContactClass(_STACKED, _STACKED, complexes.STACK),
    "alkane": ContactClass(_ALKANES, _ALKANES, complexes.CONTACT),
    "repulsive": ContactClass(_REPULSIVE, _REPULSIVE, complexes.REPULSIVE),
}


def draw_contacts(
    config: CampaignConfig, refused: list[tuple[str, str]], say: Callable[[str], None] = print
) -> list[ComplexTask]:
    """Pairs of every class, small ones first: the classes take turns. Raises ConfigError for an unknown class."""
    settings = config.contacts
    if settings is None:
        return []
    kind = DftComplexTask if settings.dft else ComplexTask
    known: set[str] = set()
    found: list[tuple[float, ComplexTask]] = []
    for name, count in settings.pairs.items():
        if name not in CLASSES:
            raise ConfigError(f"There is no class of contacts {name!r}: use {', '.join(CLASSES)}.")
        tasks = _pairs(CLASSES[name], config, known, refused)[:count]
        say(f"contacts {name}: {counted(len(tasks), 'pair')}")
        found += [(number / len(tasks), task) for number, task in enumerate(tasks)]
    found.sort(key=lambda item: item[0])
    return [kind(**asdict(task)) for _, task in found]


def _pairs(
    contact: ContactClass, config: CampaignConfig, known: set[str], refused: list[tuple[str, str]]
) -> list[ComplexTask]:
    """All pairs of a class that are not `known`, by size within a random order of equal ones."""
    generator = random.Random(f"{config.seed} {contact.family} {contact.first[0]} {contact.second[0]}")
    first, second = ([_canonical(text) for text in side] for side in (contact.first, contact.second))
    chosen = []
    for a in first:
        for b in second:
            task = ComplexTask(
                inchikeys=(a[1], b[1]),
                smiles=(a[0], b[0]),
                sources=(SOURCE, SOURCE),
                family=contact.family,
                displaced=generator.random() < config.complexes.displaced_share,
            )
            turned = f"{b[1]}.{a[1]}.{contact.family}"
            if task.name in known or (turned in known and contact.first == contact.second):
                continue
            reason = evaluation_reason(task.inchikeys)
            if reason:
                refused.append((".".join(task.smiles), reason))
                continue
            known.add(task.name)
            # A step of six atoms is one size: within it the partners are mixed.
            chosen.append(((a[2] + b[2]) // 6, generator.random(), task))
    return [task for _, _, task in sorted(chosen, key=lambda item: item[:2])]


def _canonical(text: str) -> tuple[str, str, int]:
    mol = Chem.MolFromSmiles(text)
    return Chem.MolToSmiles(mol), Chem.MolToInchiKey(mol), mol.GetNumHeavyAtoms()
