"""What gives energies: the protocol `Method`, and methods by name.

The engines (`virialff.engines`) and the trained models (`virialff.models`) are methods as they stand; any ASE
calculator becomes one (`virialff.methods.ase`), and other packages add theirs by entry points of the group GROUP. A
name is text, so a page or a script can send it to another process instead of the method itself.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Protocol, cast

from virialff.engines import DFT_ENGINES, ENGINES, FORCE_FIELDS, get_engine
from virialff.engines.base import FloatArray, Progress
from virialff.errors import EngineError

if TYPE_CHECKING:
    from virialff.molecules.molecule import Molecule

#: Entry points of this group name a method, or a class or function that makes one without arguments.
GROUP = "virialff.methods"
#: The name of the model that is used where none is named; the command line means the one of `--model` by it.
MODEL = "model"
_OF_THIS_LIBRARY = (*ENGINES, *FORCE_FIELDS, *DFT_ENGINES)
#: Begins the name of an ASE calculator, "ase:module:factory".
ASE = "ase:"


class Method(Protocol):
    """Something that gives total energies: an engine, a model, a calculator. kcal/mol and Angstrom.

    `positions` is (n_atoms, 3) or (n_conformers, n_atoms, 3); results always have the conformer axis. `progress(done,
    total)` is called now and then; what it raises stops the run and reaches the caller unchanged.

    A method may also have `atomic_energies(numbers)`, isolated atoms at its level (kcal/mol, shape of `numbers`), for
    atomization energies; and `interaction_energy(molecule, positions, *, progress=None)` where it has a better way
    than complex minus fragments; negative = bound.
    """

    @property
    def name(self) -> str:
        """What to call it."""

    @property
    def level(self) -> str:
        """The level of theory, and where it matters the weights or the program, for tables and figures."""

    def available(self) -> str | None:
        """None if it can compute here, otherwise one sentence saying why not and what to do."""

    def unsupported(self, molecule: Molecule) -> str | None:
        """None if it can compute this molecule, otherwise one sentence saying why not."""

    def energy(self, molecule: Molecule, positions: Any, *, progress: Progress | None = None) -> FloatArray:
        """Total energies (n_conformers,), kcal/mol.

        Raises EngineError (what failed, for which conformer) and ShapeError; never a number for what has failed.
        """


class ForceMethod(Method, Protocol):
    """A method that also gives forces -dE/dR (n_conformers, n_atoms, 3), kcal/mol/Angstrom: one can relax with it."""

    def forces(self, molecule: Molecule, positions: Any, *, progress: Progress | None = None) -> FloatArray:
        """Forces."""

    def energy_and_forces(
        self, molecule: Molecule, positions: Any, *, progress: Progress | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Both at once."""


def get_method(name: str) -> Method:
    """A method by its name: text that can be sent to another process.

    Parameters
    ----------
    name : str
        An engine ("gfn2", "ani", "pyscf", "psi4"; PySCF takes its faster settings for energies alone), "mmff94", "uff",
        "ase:module:factory" for the ASE calculator that the factory makes, a method of another package, "model" for the
        default model, or another model by its name or folder.

    Returns
    -------
    Method
        A model is read anew, the others are the same object on every call. Whether it can compute here is what its
        `available()` says.

    Raises
    ------
    EngineError
        If there is no such method or it cannot be loaded, with the reason.
    CheckpointError
        If the files of a model are damaged.
    """
    if name == MODEL or "/" in name:
        return _model(name)
    if name in _OF_THIS_LIBRARY or name.startswith(ASE) or name in _plug_ins():
        return _lasting(name)
    if name in _models():
        return _model(name)
    raise EngineError(f"there is no method {name!r}; choose from {', '.join(method_names())}, or ase:module:factory")


def with_forces(method: Method) -> ForceMethod:
    """The same method, as one to relax with; EngineError where it gives no forces."""
    if not hasattr(method, "energy_and_forces"):
        raise EngineError(f"the method {method.name!r} gives no forces; choose another to relax with")
    return cast("ForceMethod", method)


def method_names() -> tuple[str, ...]:
    """Names for `get_method`: the default model, engines, methods of other packages, further models."""
    return tuple(dict.fromkeys((MODEL, *_OF_THIS_LIBRARY, *plug_in_names(), *_models())))


def plug_in_names() -> tuple[str, ...]:
    """Names of the methods that other packages add; an engine cannot be replaced."""
    return tuple(name for name in _plug_ins() if name not in (MODEL, *_OF_THIS_LIBRARY))


def require(method: Method, molecule: Molecule | None = None) -> None:
    """Raise EngineError with the reason where the method cannot compute here, or not this molecule."""
    reason = method.available() or (None if molecule is None else method.unsupported(molecule))
    if reason is not None:
        raise EngineError(reason)


def level_of_theory(method: Method) -> str:
    """The level on whose zero the total energies lie: for a model that of its labels, else the method's own."""
    return str(getattr(method, "level_of_theory", method.level))


def described(method: Method) -> dict[str, str]:
    """What JSON says of a method: the level of theory, and of a model its name."""
    name = {"model": method.name} if hasattr(method, "force_field") else {}
    return {"level_of_theory": level_of_theory(method), **name}


def first_usable(names: tuple[str, ...], molecule: Molecule) -> Method | str:
    """The first of these methods that can compute the molecule here, or the sentence saying why none can."""
    reasons = []
    for name in names:
        try:
            method = get_method(name)
            require(method, molecule)
        except EngineError as error:
            reasons.append(str(error))
        else:
            return method
    return "; ".join(dict.fromkeys(reasons))


@cache
def _lasting(name: str) -> Method:
    if name == "pyscf":
        from virialff.engines.dft import CAMPAIGN_ENERGIES
        from virialff.engines.pyscf import PyscfEngine

        return PyscfEngine(energy_settings=CAMPAIGN_ENERGIES)
    if name in (*ENGINES, *DFT_ENGINES):
        return get_engine(name)
    if name in FORCE_FIELDS:
        from virialff.engines.rdkit_force_fields import RdkitForceField

        return RdkitForceField("MMFF94" if name == "mmff94" else "UFF")
    if name.startswith(ASE):
        from virialff.methods.ase import calculator_method

        return _loaded(name, partial(calculator_method, name))
    return _loaded(name, partial(_of_plug_in, _plug_ins()[name]))


def _loaded(name: str, load: Callable[[], Method]) -> Method:
    try:
        return load()
    except Exception as error:
        # Code of others: whatever it raises is the reason.
        raise EngineError(f"the method {name!r} cannot be loaded: {type(error).__name__}: {error}") from error


def _of_plug_in(entry: importlib.metadata.EntryPoint) -> Method:
    found: Any = entry.load()
    method: Method = found() if callable(found) else found
    missing = [part for part in ("name", "level", "available", "unsupported", "energy") if not hasattr(method, part)]
    if missing:
        raise TypeError(f"{entry.value} is no method: it has no {', '.join(missing)}")
    return method


def _plug_ins() -> Mapping[str, importlib.metadata.EntryPoint]:
    return {entry.name: entry for entry in importlib.metadata.entry_points(group=GROUP)}


def _model(name: str) -> Method:
    from virialff.models.registry import load_model

    return load_model(None if name == MODEL else name)


def _models() -> tuple[str, ...]:
    from virialff.models.registry import registered_models

    return tuple(model.name for model in registered_models())
