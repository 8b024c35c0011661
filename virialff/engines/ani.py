"""ANI neural-network potentials through TorchANI, engine name `ani`.

ANI-2x (Devereux et al., J. Chem. Theory Comput. 2020, 16, 4192: H, C, N, O, F, S, Cl) where its weights can be had,
otherwise ANI-1x (Smith et al., J. Chem. Phys. 2018, 148, 241733: H, C, N, O); `virialff.engines.ani_weights` finds
them. Energies are averages over the eight networks of the ensemble, computed in double precision: in single
precision the sum of two conformers' rounding errors was 0.01 kcal/mol (33 atoms), at half the time.
"""

from __future__ import annotations

import importlib.util
import os
import pickle
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from virialff.engines import ani_weights
from virialff.engines.ani_weights import AniName, AniWeights
from virialff.engines.base import Engine, FloatArray, Progress, conformer_axis, missing_elements
from virialff.errors import EngineError
from virialff.units import HARTREE_IN_KCAL_MOL

if TYPE_CHECKING:
    import torch

    from virialff.molecules.molecule import Molecule

_HCNO = frozenset({1, 6, 7, 8})
#: Atomic numbers of the elements that each potential was trained for.
ELEMENTS_OF: dict[AniName, frozenset[int]] = {
    "ANI-2x": _HCNO | {9, 16, 17},
    "ANI-1x": _HCNO,
    "ANI-1ccx": _HCNO,
}
#: Method that each potential was trained to reproduce.
TRAINED_ON: dict[AniName, str] = {
    "ANI-2x": "wB97X/6-31G(d)",
    "ANI-1x": "wB97X/6-31G(d)",
    "ANI-1ccx": "CCSD(T)*/CBS",
}

# Atoms in one pass; it bounds the memory of the angular terms to a few hundred MB.
_ATOMS_PER_BATCH = 1000


class _Potential(NamedTuple):
    model: Any
    weights: AniWeights


class AniEngine(Engine):
    """An ANI potential.

    `weights` chooses the ensemble (see `ani_weights.weights_in`, `ani_weights.ani1x_from_wheel`); None looks for it
    in the order of `ani_weights`, once, when something is first computed or `unsupported` is first asked. That can
    mean a download: call `prepare` where it should happen, in a process that can wait.
    """

    name = "ani"
    title = "ANI"

    def __init__(self, weights: AniWeights | None = None) -> None:
        self._weights = weights
        self._potential: _Potential | None = None
        self._failure: str | None = None
        self._lock = threading.RLock()

    @property
    def weights(self) -> AniWeights | None:
        """The weights in use, None while they have not been found."""
        return self._weights

    @property
    def label(self) -> str:
        """ "ANI-2x" or what else was found; "ANI" before."""
        return self._weights.name if self._weights is not None else "ANI"

    @property
    def level(self) -> str:
        """For example "ANI-2x (trained on wB97X/6-31G(d))"; what it will be while the weights have not been found."""
        if self._weights is None:
            return "ANI-2x if its weights can be fetched on first use, else ANI-1x"
        return f"{self._weights.name} (trained on {TRAINED_ON[self._weights.name]})"

    @property
    def elements(self) -> frozenset[int]:
        """Atomic numbers covered by the weights found, those of ANI-2x while they have not been found."""
        return ELEMENTS_OF[self._weights.name if self._weights is not None else "ANI-2x"]

    def available(self) -> str | None:
        """None if it can compute or has not yet tried to fetch its weights, otherwise the reason.

        Looks at the disk only: it neither downloads nor loads anything. Weights that are there decide `level`.
        """
        if self._failure is not None:
            return self._failure
        if self._weights is not None:
            return None
        if importlib.util.find_spec("torchani") is None:
            return (
                "ANI needs the Python package torchani, which is not installed; install it with `pip install torchani`"
            )
        try:
            found = ani_weights.find_local()
            if found is not None:
                with self._lock:
                    self._weights = self._weights or found
                return None
        except EngineError as error:
            return str(error)
        return ani_weights.fetch_failure()

    def prepare(self) -> None:
        """Find or fetch the weights and load them; returns at once the second time.

        Raises EngineError with the reason, the same on every later call.
        """
        self._load()

    def unsupported(self, molecule: Molecule) -> str | None:
        """None, or for example "ANI-2x has no parameters for Br"; the reason where there are no weights.

        Where ANI-2x stands for the elements that the potential in use lacks, the sentence says how to get it.

        The first call finds the weights, by a download if need be, because they decide the elements.
        """
        try:
            weights = self._find()
        except EngineError as error:
            return str(error)
        return _missing(weights.name, molecule.numbers)

    def atomic_energies(self, numbers: Any) -> FloatArray:
        """Energies of isolated ground-state atoms by the method the potential was trained on, kcal/mol.

        They are TorchANI's table of calculated atoms (unrestricted, Hund's multiplicity), not the self energies
        that the potential adds per atom: those are fitted, and differences to them are no atomization energies. An
        ANI potential itself knows no isolated atoms. For ANI-1ccx the table holds DLPNO-CCSD/def2-TZVPP values.
        Raises EngineError for elements outside `elements`, or without weights.
        """
        weights = self._find()
        atoms = np.asarray(numbers, dtype=np.int64)
        reason = _missing(weights.name, atoms.ravel())
        if reason is not None:
            raise EngineError(reason)
        from torchani.constants import GSAES, PERIODIC_TABLE

        table = GSAES["ccsd(t)star-cbs" if weights.name == "ANI-1ccx" else "wb97x-631gd"]
        energies = [table[PERIODIC_TABLE[number]] * HARTREE_IN_KCAL_MOL for number in atoms.ravel()]
        return np.array(energies, dtype=np.float64).reshape(atoms.shape)

    def _find(self) -> AniWeights:
        reason = self.available()
        if reason is not None:
            raise EngineError(reason)
        with self._lock:
            if self._weights is None:
                self._weights = ani_weights.find_local() or ani_weights.fetch()
            return self._weights

    def _load(self) -> _Potential:
        weights = self._find()
        with self._lock:
            if self._potential is None:
                try:
                    self._potential = _Potential(_load_model(weights), weights)
                except EngineError as error:
                    self._failure = str(error)
                    raise
            return self._potential

    def _compute(
        self, molecule: Molecule, positions: Any, progress: Progress | None, *, with_forces: bool
    ) -> tuple[FloatArray, FloatArray]:
        geometries = conformer_axis(molecule.n_atoms, positions)
        self._require(molecule)
        model, weights = self._load()
        energies = np.empty(len(geometries))
        forces = np.empty(geometries.shape)
        batch = max(1, _ATOMS_PER_BATCH // geometries.shape[1])
        for start in range(0, len(geometries), batch):
            part = slice(start, min(start + batch, len(geometries)))
            energies[part], forces[part] = _evaluate(model, molecule.numbers, geometries[part], with_forces)
            if not np.isfinite(energies[part]).all():
                raise EngineError(f"{weights.name} gave an energy that is not a finite number")
            if progress is not None:
                progress(part.stop, len(geometries))
        return energies, forces


def _missing(name: AniName, numbers: np.ndarray) -> str | None:
    reason = missing_elements(name, numbers, ELEMENTS_OF[name])
    if reason is None or name == "ANI-2x" or missing_elements(name, numbers, ELEMENTS_OF["ANI-2x"]):
        return reason
    return f"{reason}; {ani_weights.ANI2X_ADVICE}"


def _evaluate(
    model: torch.nn.Module, numbers: np.ndarray, geometries: FloatArray, with_forces: bool
) -> tuple[FloatArray, FloatArray]:
    """Energies (n,) kcal/mol and forces (n, n_atoms, 3) kcal/mol/Angstrom, the latter NaN unless asked for."""
    import torch

    species = torch.as_tensor(numbers).expand(len(geometries), -1)
    coordinates = torch.as_tensor(geometries).clone().requires_grad_(with_forces)
    forces = np.full(geometries.shape, np.nan)
    with torch.set_grad_enabled(with_forces):
        energies = model((species, coordinates)).energies
        if with_forces:
            forces = -torch.autograd.grad(energies.sum(), coordinates)[0].numpy() * HARTREE_IN_KCAL_MOL
    return energies.detach().numpy() * HARTREE_IN_KCAL_MOL, forces


def _load_model(weights: AniWeights) -> Any:
    """The ensemble as a TorchANI model in double precision, without gradients of its weights."""
    os.environ.setdefault("TORCHANI_NO_WARN_EXTENSIONS", "1")
    try:
        model = _from_neurochem(weights) if weights.is_neurochem else _from_state_dict(weights)
    except (OSError, RuntimeError, ValueError, AssertionError, ImportError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise EngineError(f"{weights.name} could not be loaded from {weights.path}: {reason}") from error
    model.requires_grad_(False)
    return model


def _from_neurochem(weights: AniWeights) -> Any:
    import torch
    from torchani import neurochem
    from torchani.arch import ANI

    folder = weights.path
    info = neurochem.NeurochemInfo(folder / "sae_linfit.dat", next(folder.glob("*.params")), folder / "train", 8)
    computer, networks, shifter, symbols = neurochem.modules_from_info(info)
    model = ANI(symbols, computer, networks, shifter, periodic_table_index=True).double()
    # TorchANI reads the self energies into single precision, 1e-5 Eh off for chlorine.
    model.energy_shifter.self_energies = torch.tensor(_self_energies(info.sae), dtype=torch.float64)
    return model


def _self_energies(path: os.PathLike[str]) -> list[float]:
    """Self energies in Eh, in the order of their indices, of a NeuroChem file with lines such as "H,0=-0.6"."""
    by_index = {}
    with open(path, encoding="utf-8") as file:
        for line in filter(str.strip, file):
            key, value = line.split("=")
            by_index[int(key.split(",")[1])] = float(value)
    return [by_index[index] for index in sorted(by_index)]


def _from_state_dict(weights: AniWeights) -> Any:
    import torch
    from torchani.arch import Assembler
    from torchani.utils import SYMBOLS_1X, SYMBOLS_2X

    kind = "ani2x" if weights.name == "ANI-2x" else "ani1x"
    assembler = Assembler(periodic_table_index=True)
    assembler.set_symbols(SYMBOLS_2X if kind == "ani2x" else SYMBOLS_1X)
    assembler.set_atomic_networks(ctor=kind)
    assembler.set_global_cutoff_fn("cosine")
    assembler.set_aev_computer(radial=kind, angular=kind, strategy="pyaev")
    assembler.set_neighborlist("all_pairs")
    # Replaced by those of the state dict, which must arrive in double precision.
    assembler.set_gsaes_as_self_energies("wb97x-631gd")
    model = assembler.assemble(8).double()
    try:
        state = torch.load(weights.path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, EOFError) as error:
        raise ValueError("the file is not a state dict of tensors") from error
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"its tensors are not those of an {weights.name} of TorchANI 2.9") from error
    return model
