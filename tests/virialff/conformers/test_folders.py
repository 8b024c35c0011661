"""Ensembles in folders of CREST and CENSO, archives and several files."""

import io
import zipfile

import pytest

from virialff.conformers.crest import read_ensemble
from virialff.conformers.folders import ensemble_file
from virialff.errors import UnreadableRecordError
from virialff.molecules.molecule import Molecule

WATER = b"3\n\nO 0.0 0.0 0.119\nH 0.0 0.763 -0.477\nH 0.0 -0.763 -0.477"


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (("crest_best.xyz", "crest_conformers.xyz", "crest_rotamers.xyz"), "crest_conformers.xyz"),
        (("0_PRESCREENING.xyz", "2_OPTIMIZATION.xyz", "1_SCREENING.xyz", "crest_conformers.xyz"), "2_OPTIMIZATION.xyz"),
        (("enso_ensemble_part1.xyz", "enso_ensemble_part2.xyz"), "enso_ensemble_part2.xyz"),
        (("mine.xyz", "notes.txt"), "mine.xyz"),
    ],
)
def test_the_file_that_holds_the_ensemble(names, chosen):
    files = {f"run/{name}": name.encode() for name in names}
    for given in (files, {"run.zip": packed(files)}):
        name, data = ensemble_file(given)
        assert name == f"run/{chosen}"
        assert data.strip() == chosen.encode()


def test_several_files_are_one_ensemble_in_the_order_of_their_numbers():
    name, data = ensemble_file({"conf10.xyz": WATER + b"\n", "conf9.xyz": WATER})
    file = io.BytesIO(data)
    file.name = name
    assert name == "2 files from conf9.xyz"
    assert read_ensemble(file, Molecule.from_smiles("O")).molecule.n_conformers == 2


@pytest.mark.parametrize("files", [{"a.txt": b"x"}, {"a.zip": b"no archive"}, {"a.zip": packed({})}, {}])
def test_what_holds_no_ensemble_is_a_sentence(files):
    with pytest.raises(UnreadableRecordError):
        ensemble_file(files)


def test_an_archive_that_grows_too_much_is_refused():
    with pytest.raises(UnreadableRecordError, match="times its size"):
        ensemble_file({"bomb.zip": packed({"crest_conformers.xyz": bytes(60_000_000)})})
