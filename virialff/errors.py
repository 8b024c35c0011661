"""Errors meant for people: `str(error)` is one sentence that says what is wrong, where, and what to do."""

from typing import Self

from virialff.text import without_control


class VirialffError(Exception):
    """Base of every error that this library raises on purpose.

    `setting` names what the caller gave wrongly ("name", "gpus") where it is one thing: the sentence does not say how
    the command line or a page calls that, and they may add it.
    """

    setting = ""

    def of(self, setting: str) -> Self:
        """The same error, said to be of this setting."""
        self.setting = setting
        return self


class MoleculeError(VirialffError):
    """A molecule, or one record of a file, that cannot be used.

    `record` names the record ("3 (aspirin)"), whose title alone is `title`; `atom` is the atom's number counted from 1;
    `str` puts the record first.
    """

    def __init__(self, message: str, *, record: str | None = None, atom: int | None = None, title: str = "") -> None:
        # It may quote a file.
        message = without_control(message)
        super().__init__(message)
        self.message = message
        self.record = record
        self.atom = atom
        self.title = title

    def __str__(self) -> str:
        return self.message if self.record is None else f"record {self.record}: {self.message}"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.record, self.atom, self.title)

    def in_record(self, record: str | None, title: str = "") -> "MoleculeError":
        """The same error with the name and title of the record in which it was found."""
        return type(self)(self.message, record=record, atom=self.atom, title=title)


def _rebuild(
    kind: type[MoleculeError], message: str, record: str | None, atom: int | None, title: str
) -> MoleculeError:
    return kind(message, record=record, atom=atom, title=title)


class IncompleteStructureError(MoleculeError):
    """A part, a pattern or a polymer rather than a molecule: attachment points, R groups, query atoms, repeat units."""


class UnsupportedElementError(MoleculeError):
    """An element outside the nine of the method."""


class UnsupportedBondError(MoleculeError):
    """A bond that is not single, double, triple or aromatic (dative, zero-order, hydrogen bond, query)."""


class ValenceError(MoleculeError):
    """Bonds that no closed-shell neutral Lewis structure of usual valences has."""


class LewisBudgetError(MoleculeError):
    """Bonds with so many possible Lewis structures that the best one was not found within the limits of the search."""


class NetChargeError(MoleculeError):
    """A fragment whose formal charges do not sum to zero."""


class RadicalError(MoleculeError):
    """Unpaired electrons."""


class IsotopeError(MoleculeError):
    """An atom with an isotope label."""


class NoAtomsError(MoleculeError):
    """Nothing in it."""


class TooManyAtomsError(MoleculeError):
    """More atoms than the limit given as `max_atoms`."""


class MissingHydrogensError(MoleculeError):
    """Atoms that lack explicit hydrogens."""


class FlatCoordinatesError(MoleculeError):
    """A two-dimensional drawing where a geometry is needed."""


class MissingCoordinatesError(MoleculeError):
    """No coordinates where a geometry is needed, or coordinates that are not finite numbers."""


class EmbeddingError(MoleculeError):
    """A molecule for which no three-dimensional geometry could be made."""


class OverlappingAtomsError(MoleculeError):
    """Two atoms in the same place."""


class MismatchedCoordinatesError(MoleculeError):
    """Coordinates that are not those of the molecule's bonds: another unit, or another order of atoms."""


class MismatchedCoordinatesWarning(UserWarning):
    """Positions given to a molecule that are not those of its bonds, where they are not refused."""


class UnreadableRecordError(MoleculeError):
    """Text or bytes that cannot be read in the format they are said to be in."""


class SeveralMoleculesError(MoleculeError):
    """A file with several molecules where one was asked for."""


class UnknownFormatError(MoleculeError):
    """A file whose format is not among those that can be read."""


class ShapeError(VirialffError):
    """An array of the wrong shape; the message says which was got and which expected."""


class CheckpointError(VirialffError):
    """A model file that is damaged, foreign or of an unknown version."""


class RegistryError(CheckpointError):
    """A model that cannot be added, chosen or removed: its name, or the folder of models, does not allow it."""


class EngineError(VirialffError):
    """A method of energies that is missing or failed.

    `conformer` is the number, from 1, of the conformer that failed, None where it is not about one; `str` has it.
    """

    def __init__(self, message: str, *, conformer: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.conformer = conformer

    def __str__(self) -> str:
        return self.message if self.conformer is None else f"conformer {self.conformer}: {self.message}"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_engine_error, (self.message, self.conformer)


def _rebuild_engine_error(message: str, conformer: int | None) -> EngineError:
    return EngineError(message, conformer=conformer)


class EvaluationSetError(VirialffError):
    """A molecule or complex of the frozen evaluation sets where it must not be used."""


class DatasetError(VirialffError):
    """The files of a published data set that are missing, in another form than published, or damaged."""


class DocumentError(VirialffError):
    """JSON that cannot be taken: too large, too deep, damaged, not what it should be."""


class ConfigError(VirialffError):
    """A setting that does not exist or has an impossible value."""


class LabelError(VirialffError):
    """A label that must not be stored: arrays of wrong shapes, a number that is not finite, no result and no reason."""


class StoreError(VirialffError):
    """A label store that cannot be read or written."""


class StoreSchemaError(StoreError):
    """A file that holds no labels, or labels of a newer version of the schema."""


class StoreDamagedError(StoreError):
    """A file of a label store that is damaged."""


class StoreBusyError(StoreError):
    """A part of a label store that another process is writing."""


class JobError(VirialffError):
    """A training job that does not exist, or for which something cannot be done in its state."""


class ReadOnlyError(VirialffError):
    """An action that this installation refuses because it only shows results."""


class AccessError(VirialffError):
    """An action that the user who asks for it may not do."""


class QuotaError(VirialffError):
    """An action for which the user has no room left: jobs, disk, memory."""
