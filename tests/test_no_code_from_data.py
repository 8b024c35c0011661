"""Nothing that somebody else can write is run: no unpickling, no evaluation, no shell, but at the places named here."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = sorted(file for place in ("virialff", "training", "pages") for file in (ROOT / place).rglob("*.py")) + [
    ROOT / "app.py"
]
#: Calls that run what they are given, or build any object from it.
RUNNING = {
    *("eval", "exec", "compile", "os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"),
    *("pickle.load", "pickle.loads", "pickle.Unpickler", "marshal.load", "marshal.loads", "shelve.open", "dill.loads"),
    *("cloudpickle.loads", "joblib.load", "pandas.read_pickle", "pd.read_pickle", "torch.jit.load", "runpy.run_path"),
    *("yaml.load", "yaml.unsafe_load", "yaml.full_load", "yaml.load_all", "yaml.unsafe_load_all", "yaml.full_load_all"),
}
#: Both ends of a pipe that one process of ours opened to another.
PIPES = {(f"pages/components/shell/{name}.py", "pickle.loads") for name in ("worker", "worker_pool")}
#: Modules by a name that is not written in the code: commands and engines of ours, and what a command line names.
IMPORTS = {
    "virialff/__init__.py",
    "virialff/cli.py",
    "virialff/commands/data.py",
    "virialff/engines/__init__.py",
    "virialff/methods/ase.py",
    "virialff/labels/formats/entry.py",  # one of our own modules, by the suffix of a file
    "virialff/moved.py",
}


def name_of(call: ast.Call) -> str:
    return ast.unparse(call.func)


def keyword(call: ast.Call, name: str) -> str | None:
    return next((ast.unparse(one.value) for one in call.keywords if one.arg == name), None)


def found(text: str) -> set[str]:
    """What in this source runs what it is given."""
    names: dict[str, str] = {}
    calls: set[str] = set()
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.asname: alias.name for alias in node.names if alias.asname}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        first, dot, rest = name_of(node).partition(".")
        name = f"{names.get(first, first)}{dot}{rest}"
        if name in RUNNING:
            calls.add(name)
        if keyword(node, "shell") not in (None, "False"):
            calls.add(f"{name} in a shell")
        if name == "torch.load" and keyword(node, "weights_only") != "True":
            calls.add("torch.load of more than weights")
        if name in ("numpy.load", "np.load") and keyword(node, "allow_pickle") not in (None, "False"):
            calls.add("numpy.load of pickles")
        if name == "importlib.import_module" and not isinstance(node.args[0], ast.Constant):
            calls.add("import by name")
    return calls


def test_nothing_of_others_is_run() -> None:
    seen: set[tuple[str, str]] = set()
    for file in SHIPPED:
        place = str(file.relative_to(ROOT))
        seen |= {(place, what) for what in found(file.read_text(encoding="utf-8"))}
    assert {entry for entry in seen if entry[1] != "import by name"} == PIPES
    assert {place for place, what in seen if what == "import by name"} == IMPORTS


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("import pickle\npickle.load(file)", "pickle.load"),
        ("from pickle import loads\nloads(x)", "pickle.loads"),
        ("import pickle as p\np.Unpickler(x).load()", "pickle.Unpickler"),
        ("import torch\ntorch.load(file, weights_only=False)", "torch.load of more than weights"),
        ("import torch\ntorch.load(file)", "torch.load of more than weights"),
        ("import numpy as np\nnp.load(file, allow_pickle=True)", "numpy.load of pickles"),
        ("import subprocess\nsubprocess.run(x, shell=True)", "subprocess.run in a shell"),
        ("import yaml\nyaml.load(x, Loader=yaml.Loader)", "yaml.load"),
        ("eval(x)", "eval"),
    ],
)
def test_what_is_looked_for_is_seen(text: str, what: str) -> None:
    assert what in found(text)
