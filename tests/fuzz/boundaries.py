"""Where input of others comes in: each takes bytes and says whether they were accepted, or raises an error of ours."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import re
import shutil
import sys
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from hypothesis import strategies as st
from pydantic import BaseModel
from streamlit.testing.v1 import AppTest

from pages.components.shell.entry import PAGES
from tests.fuzz import grammars, seeds
from tests.fuzz.mutations import altered, altered_json, altered_yaml, wrapped
from tests.fuzz.seeds import SETTINGS, Samples, presets, texts
from tests.small_network import SMALL_NETWORK
from training.data.pack import COMPLEXES, MOLECULES, load_pack, load_packs
from training.jobs import record
from training.jobs.runs import check_run_name
from training.labelling.config import CampaignConfig
from training.loop.metrics import read_metrics
from training.loop.run_folder import RunFolder
from training.loop.state import resume_or_start
from training.recipes.recipe import Recipe
from training.recipes.yaml import load_yaml
from virialff import load_model
from virialff.cli import build_parser, main
from virialff.commands import ExitCode
from virialff.documents import SEAL
from virialff.errors import MoleculeError, VirialffError
from virialff.files import as_name, name_problem
from virialff.io.identifier import molecule_from_text
from virialff.io.read import read_with_fields
from virialff.io.text import clean_title
from virialff.io.uploads import read_upload
from virialff.labels.check import check
from virialff.labels.journal import read_journal
from virialff.labels.store import LabelStore
from virialff.models import registry
from virialff.models.card import compare_cards, error_records, error_table
from virialff.models.force_field import Model
from virialff.models.received import verify
from virialff.molecules.molecule import Molecule
from virialff.molecules.patterns import AtomPattern
from virialff.settings import models_folder, runs_folder

ROOT = Path(__file__).resolve().parents[2]
#: Parameters and energies are computed for molecules up to this size.
_MOST_ATOMS = 40
_SMARTS_ON = ("CC(=O)Oc1ccccc1C(=O)O", "N[C@@H](CS)C(=O)NCC(F)(Cl)Br", "O=P(O)(O)OCc1ccncc1")
#: Commands that start servers, trainings or campaigns, or measure for minutes where all they are given is right.
_NOT_STARTED = {
    "app",
    "label",
    "train",
    "jobs resume",
    "evaluate",
    "stability",
    "calibrate",
    "ship",
    "data import-qmugs",
}
_KEYS = (
    *(
        "smiles",
        "model",
        "scan",
        "methods",
        "pair",
        "contact",
        "relation_1-4",
        "depiction_labels",
        "depiction_hydrogens",
    ),
    *("ensemble_count", "ensemble_seed", "ensemble_relax", "relax_with", "prune", "prune_rmsd", "temperature", "view"),
    *("data", "count", "contents", "draw_seed", "smarts", "smarts_other", "data_store", "data_path", "data_split"),
    *("evaluation_labels", "evaluation_most", "rows_text", "rows_kinds", "rows_what", "name", "embed", "unknown"),
)
_ENDINGS = {"mol": "mol", "sdf": "sdf", "xyz": "xyz", "pdb": "pdb", "csv": "csv"}


#: So many of about 2,000 inputs are of each kind.
SHARES = {
    "smiles": 320,
    "inchi": 40,
    "smarts": 180,
    "mol": 220,
    "sdf": 220,
    "xyz": 200,
    "pdb": 120,
    "csv": 120,
    "name": 100,
    "recipe": 100,
    "campaign": 60,
    "card": 40,
    "job": 80,
    "pack": 30,
    "store": 30,
    "journal": 30,
    "checkpoint": 30,
    "metrics": 20,
    "model": 20,
    "command": 40,
    "address": 12,
}


_Settings = TypeVar("_Settings", bound=BaseModel)


class NotNamed(Exception):
    """What an input led to that is no error of ours and no result either; up to the colon the same for all inputs."""


@dataclass(frozen=True)
class Boundary:
    """One kind of input."""

    inputs: st.SearchStrategy[bytes]
    feed: Callable[[bytes], bool]


def boundaries(samples: Samples, folder: Path) -> dict[str, Boundary]:
    """Every kind by its name. `folder` is where inputs that are files lie; it is the working folder of commands."""
    places = _Places(samples, folder)
    made: dict[str, tuple[Callable[[bytes], bool], st.SearchStrategy[bytes]]] = {
        "smiles": (places.smiles, grammars.smiles() | altered(texts("smiles"))),
        "inchi": (places.inchi, grammars.inchi() | altered(texts("inchi"))),
        "smarts": (places.smarts, grammars.smarts() | altered(texts("smarts"))),
        "mol": (places.file("mol"), wrapped(grammars.mol_v2000() | altered(texts("mol")))),
        "sdf": (places.file("sdf"), wrapped(grammars.mol_v2000() | grammars.mol_v3000() | altered(texts("sdf")))),
        "xyz": (places.file("xyz"), wrapped(grammars.xyz() | altered(texts("xyz")))),
        "pdb": (places.file("pdb"), wrapped(grammars.pdb() | altered(texts("pdb")))),
        "csv": (places.file("csv"), wrapped(grammars.csv() | altered(texts("csv")))),
        "name": (places.name, grammars.name()),
        "recipe": (places.recipe, altered_yaml(presets(campaigns=False))),
        "campaign": (places.campaign, altered_yaml(presets(campaigns=True))),
        "card": (places.card, altered_json([_unsealed(samples.model / "card.json")])),
        "job": (places.job, altered_json(texts("job"))),
        "pack": (places.pack, altered(_files(samples.packs, "*.arrow"), binary=True)),
        "store": (places.parquet, altered([samples.parquet.read_bytes()], binary=True)),
        "journal": (places.journal, altered([samples.journal.read_bytes()], binary=True)),
        "checkpoint": (places.checkpoint, altered([(samples.run / "checkpoint.pt").read_bytes()], binary=True)),
        "metrics": (places.metrics, altered([(samples.run / "metrics.jsonl").read_bytes()])),
        "model": (places.model, altered([samples.archive.read_bytes()], binary=True)),
        "command": (places.command, grammars.command(command_options(), places.values())),
        "address": (places.address, grammars.address(PAGES, _KEYS, places.values())),
    }
    return {name: Boundary(strategy, feed) for name, (feed, strategy) in made.items()}


def _unsealed(file: Path) -> bytes:
    """A JSON file without its checksum, which whoever alters it on purpose takes out."""
    return json.dumps({name: value for name, value in json.loads(file.read_text()).items() if name != SEAL}).encode()


def _files(folder: Path, pattern: str) -> list[bytes]:
    return [file.read_bytes() for file in sorted(folder.glob(pattern))] or [
        file.read_bytes() for file in sorted(folder.iterdir()) if file.is_file()
    ]


def command_options() -> dict[str, Sequence[str]]:
    """The options of every command, by its words."""
    import argparse

    found: dict[str, Sequence[str]] = {}

    def walk(parser: argparse.ArgumentParser, words: tuple[str, ...]) -> None:
        deeper = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        for action in deeper:
            for name, inner in action.choices.items():
                walk(inner, (*words, name))
        if not deeper:
            found[" ".join(words)] = [option for action in parser._actions for option in action.option_strings]

    parser, _ = build_parser([])
    (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    for name in commands.choices:
        whole, _ = build_parser([name])
        (action,) = (action for action in whole._actions if isinstance(action, argparse._SubParsersAction))
        walk(action.choices[name], (name,))
    return {
        words: options
        for words, options in found.items()
        if words not in _NOT_STARTED and words.split()[0] not in _NOT_STARTED
    }


class _Places:
    """The boundaries, with what they need to stand on."""

    def __init__(self, samples: Samples, folder: Path) -> None:
        self.samples = samples
        self.folder = folder
        self.force_field = load_model()
        self.aimed = [Molecule.from_smiles(smiles).to_rdkit() for smiles in _SMARTS_ON]

    def values(self) -> list[str]:
        """What a command line or an address may name: molecules, and files that are there."""
        smiles = [text.decode().split()[0] for text in texts("smiles") if len(text) < 200]
        there = ["a.smi", "a.sdf", "a.xyz", "a.csv", "store", "labels.parquet", "model", "run", "nothing.sdf", "-"]
        other = [
            "model",
            "gfn2",
            "model,gfn2",
            "1,2",
            "1,2,3,4",
            "H",
            "C,N",
            "kJ/mol",
            "eV",
            "json",
            "sdf",
            "out.csv",
            "out",
        ]
        return [*smiles[:12], *there, *other]

    def lay_out(self) -> None:
        """The working folder of a command, as it is at first."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        for kind, name in (("smiles", "a.smi"), ("sdf", "a.sdf"), ("xyz", "a.xyz"), ("csv", "a.csv")):
            (self.folder / name).write_bytes(texts(kind)[0])
        for place in (self.samples.store, self.samples.model, self.samples.run):
            shutil.copytree(place, self.folder / place.name)
        shutil.copy(self.samples.parquet, self.folder)

    def use(self, molecule: Molecule) -> None:
        """What is accepted has parameters, and energies where it has a geometry, all of them numbers."""
        if molecule.n_atoms > _MOST_ATOMS:
            return
        field = self.force_field.force_field(molecule)
        numbers: list[Any] = [field.charges]
        if molecule.n_conformers:
            numbers += field.energy_and_forces(molecule.positions[:1])
        if not all(np.isfinite(values).all() for values in numbers):
            raise NotNamed(f"parameters or energies that are no numbers: {molecule.formula}")
        if abs(field.charges.sum()) > 1e-3:
            raise NotNamed(f"charges that do not add up: {molecule.formula}")

    def smiles(self, data: bytes) -> bool:
        """A SMILES as text, and as a file."""
        text = data.decode("utf-8", "replace")
        try:
            self.use(Molecule.from_smiles(text))
        except VirialffError as error:
            sentence(error)
        return self.file("smi")(data)

    def inchi(self, data: bytes) -> bool:
        """A line of an InChI, as it is typed into the app."""
        self.use(molecule_from_text(data.decode("utf-8", "replace")))
        return True

    def file(self, ending: str) -> Callable[[bytes], bool]:
        """A file with this suffix, as the command line reads it and as the app does."""

        def feed(data: bytes) -> bool:
            molecules = []
            for count, (item, fields) in enumerate(read_with_fields(io.BytesIO(data), format=ending), start=1):
                if isinstance(item, MoleculeError):
                    sentence(item)
                else:
                    molecules.append(item)
                    str(dict(fields))
                if count >= 50:
                    break
            for molecule in molecules[:2]:
                self.use(molecule)
            uploaded = read_upload(data, f"x.{ending}", add_hydrogens=True, max_records=50)
            for error in uploaded.errors:
                sentence(error)
            return bool(molecules)

        return feed

    def smarts(self, data: bytes) -> bool:
        pattern = AtomPattern(data.decode("utf-8", "replace"))
        for mol in self.aimed:
            pattern.mask(mol)
        return True

    def name(self, data: bytes) -> bool:
        text = data.decode("utf-8", "surrogatepass")
        made = as_name(text, "x")
        if name_problem(made, "model") is not None:
            raise NotNamed(f"the name made of it cannot be one: {made!r}")
        if not clean_title(text).isprintable():
            raise NotNamed("its title has characters that are not shown")
        for ask in (check_run_name, registry.check_new_name, registry.free_name, registry.find, registry.remove):
            with contextlib.suppress(VirialffError):
                ask(text)
        return name_problem(text, "model") is None

    def recipe(self, data: bytes) -> bool:
        self._yaml(data, Recipe, "recipe").model_dump(mode="json")
        return True

    def campaign(self, data: bytes) -> bool:
        self._yaml(data, CampaignConfig, "configuration").settings_sha256()
        return True

    def _yaml(self, data: bytes, kind: type[_Settings], what: str) -> _Settings:
        file = self.folder / "settings.yaml"
        self.folder.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return load_yaml(file, kind, what)

    def card(self, data: bytes) -> bool:
        """A model whose card was altered: received, and listed among the models that there are."""
        place = models_folder() / "altered"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.samples.model, place)
        (place / "card.json").write_bytes(data)
        try:
            # Those that look at every model, of which the others are as they were, in turn: they take the time.
            looking = (["models", "list"], ["models", "list", "--json"], ["info"])
            for words in (["models", "show", "altered"], looking[len(data) % 3]):
                self.run_command(words)
            model = verify(place)
            self.show_card(model)
            return True
        finally:
            shutil.rmtree(place)

    def show_card(self, model: Model) -> None:
        error_table(model.card.get("metrics"))
        error_records(model.card.get("metrics"))
        compare_cards({"altered": model.card})

    def job(self, data: bytes) -> bool:
        """A record of a job that was altered, each of its files in turn, beside one that is whole."""
        place = runs_folder() / "jobs" / "altered"
        files = sorted((seeds.CORPUS / "job").glob("*.json"))
        damaged = False
        for file in files:
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
            for other in files:
                shutil.copy(other, place)
            (place / file.name).write_bytes(data)
            seen = record.look(record.JobFolder(place))
            json.dumps(seen.as_dict())
            damaged |= seen.state == "damaged"
        list(record.requests())
        self.run_command(["jobs", "list", "--all"])
        return not damaged

    def pack(self, data: bytes) -> bool:
        """A pack in place of that of molecules or of complexes."""
        place = self.folder / "packs"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.samples.packs, place)
        for name in (MOLECULES, COMPLEXES):
            if (place / name).stat().st_size == len(data) or name == MOLECULES:
                (place / name).write_bytes(data)
        for pack in load_packs(place):
            for part in (pack.train, pack.validation, pack.test):
                for number in range(len(part)):
                    part[number]
        return True

    def parquet(self, data: bytes) -> bool:
        place = self.folder / "altered.parquet"
        place.write_bytes(data)
        for problem in check(place).problems:
            one_line(str(problem))
        list(LabelStore(place).labels())
        return True

    def journal(self, data: bytes) -> bool:
        place = self.folder / "journal"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        file = place / self.samples.journal.name
        file.write_bytes(data)
        with contextlib.suppress(VirialffError):
            list(read_journal(file))
        for problem in check(place).problems:
            one_line(str(problem))
        list(LabelStore(place).labels())
        return True

    def checkpoint(self, data: bytes) -> bool:
        """What a training would go on from."""
        place = self.folder / "run"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.samples.run, place)
        (place / "checkpoint.pt").write_bytes(data)
        records = load_pack(self.samples.packs / MOLECULES).train
        resume_or_start(RunFolder(place), SMALL_NETWORK, [SETTINGS], records, "cpu").begin_stage(SETTINGS)
        return True

    def metrics(self, data: bytes) -> bool:
        place = self.folder / "run"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.samples.run, place)
        (place / "metrics.jsonl").write_bytes(data)
        return bool(read_metrics(place))

    def model(self, data: bytes) -> bool:
        """An archive of a model that is added."""
        added = registry.add(io.BytesIO(data))
        registry.remove(added.name)
        return True

    def command(self, data: bytes) -> bool:
        words = [word.decode("utf-8", "surrogateescape") for word in data.split(b"\0")]
        if words[0] in _NOT_STARTED:
            raise NotNamed("this command is not among those that are tried")
        self.lay_out()
        return self.run_command(words) == ExitCode.OK

    def run_command(self, words: list[str]) -> int:
        """The exit code of a command line; raises NotNamed where it is not among those of docs/cli.md."""
        with _captured(self.folder) as (output, errors):
            try:
                code = int(main(words))
            except SystemExit as error:
                code = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
        said = f"{output.getvalue()}{errors.getvalue()}"
        if code == ExitCode.FAULT or code not in set(ExitCode):
            kind = re.search(r"virialff itself \((\w+)", errors.getvalue())
            raise NotNamed(f"exit code {code} {kind[1] if kind else ''}: {errors.getvalue().strip()[-400:]}")
        if "Traceback" in said:
            raise NotNamed(f"exit code {code} with a traceback: {said[-600:]}")
        if strange := sorted({letter for letter in said if not letter.isprintable() and letter not in "\n\t\r"}):
            raise NotNamed(f"it prints characters that are not shown: {strange[:5]}")
        return code

    def address(self, data: bytes) -> bool:
        """A page that is opened by a link."""
        page, _, query = data.decode("utf-8", "replace").partition("?")
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        for name, value in urllib.parse.parse_qsl(query, keep_blank_values=True, errors="replace"):
            app.query_params[name] = value
        app.run()
        if page != PAGES[0] and page in PAGES:
            app.switch_page(f"pages/{page}.py").run()
        if len(app.exception):
            raise NotNamed(f"the page shows an error: {app.exception[0].message[:300]}")
        return not len(app.error)


@contextlib.contextmanager
def _captured(folder: Path) -> Iterator[tuple[_Text, _Text]]:
    """Standard streams of a command that runs here, in this folder, with one SMILES on its standard input."""
    folder.mkdir(parents=True, exist_ok=True)
    before = Path.cwd(), sys.stdin
    os.chdir(folder)
    sys.stdin = io.TextIOWrapper(io.BytesIO(b"CCO ethanol\n"))
    output, errors = _Text(), _Text()
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            yield output, errors
    finally:
        sys.stdin = before[1]
        os.chdir(before[0])


class _Text(io.TextIOWrapper):
    """A text stream over bytes, as the standard ones are."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", errors="backslashreplace", write_through=True)

    def getvalue(self) -> str:
        """What was written."""
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode("utf-8", "replace")


def one_line(text: str) -> None:
    """Raise NotNamed where a sentence is not one line that can be shown."""
    if not text.strip() or not text.isprintable() or len(text) > 2000:
        raise NotNamed(f"its reason is no sentence: {text[:200]!r}, {len(text)} characters")


def sentence(error: VirialffError) -> None:
    """The same of an error."""
    one_line(str(error))


def preload() -> None:
    """Import what commands and pages load when they are first used, so that no input pays for it."""
    for name in ("training.commands.jobs", "training.commands.pack", "virialff.commands.params", "streamlit", "plotly"):
        importlib.import_module(name)
