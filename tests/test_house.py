"""Rules of the house that import-linter cannot see: each thing is said once."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [
    file for folder in ("virialff", "training", "pages", "perf", "scripts") for file in ROOT.glob(f"{folder}/**/*.py")
]


def places(pattern: str) -> list[str]:
    """Files, with the number of the line, in which a pattern is found."""
    return [
        f"{file.relative_to(ROOT)}:{text.count(chr(10), 0, found.start()) + 1}"
        for file in SOURCES
        for text in [file.read_text(encoding="utf-8")]
        for found in re.finditer(pattern, text)
    ]


@pytest.mark.parametrize(
    "pattern",
    [
        # A model is a method like the others: nobody takes a union of them apart.
        r"isinstance\([^()]*\bModel\b",
        r"\bEngine \| Model\b|\bModel \| Engine\b",
        # An error carries the conformer that it is about.
        r"removeprefix\(.conformer",
    ],
)
def test_methods_are_not_told_apart(pattern):
    assert [place for place in places(pattern) if not place.startswith("virialff/methods/")] == []


@pytest.mark.parametrize(
    ("pattern", "home"),
    [
        (r"class Method\(Protocol\)", "virialff/methods/method.py"),
        (r"class MethodEnergies\b", "virialff/methods/runs.py"),
        (r"def energies_of\(", "virialff/methods/runs.py"),
        (r"def interaction_energy\(\n    molecule: Molecule, method", "virialff/interactions/energies.py"),
    ],
)
def test_each_is_defined_once(pattern, home):
    assert [place.partition(":")[0] for place in places(pattern)] == [home]


#: Ways by which what another user can write could become code.
_UNPICKLING = (
    r"pickle\.(?:loads?|Unpickler)\b|\b(?:joblib|cloudpickle|dill|shelve)\b|marshal\.load|read_pickle|allow_pickle"
    r"|\.recv\(\)|yaml\.(?:unsafe_|full_)?load(?:_all)?\(|weights_only=(?!True)|torch\.(?:jit|hub|package)\b"
)


def test_nothing_that_another_user_can_write_is_unpickled():
    found = {place.partition(":")[0] for place in places(_UNPICKLING)}
    # The app and its own workers, over pipes that nobody else has.
    assert found == {"pages/components/shell/worker.py", "pages/components/shell/worker_pool.py"}


def test_torch_loads_weights_alone():
    calls = places(r"torch\.load\(")
    assert calls
    assert len(calls) == len(places(r"torch\.load\([^()]*weights_only=True\)"))
