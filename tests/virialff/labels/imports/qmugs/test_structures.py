"""The archive of QMugs: streamed from front to back, cut anywhere, and its records with their tags."""

import gzip
import io
import tarfile
import tracemalloc

import numpy as np
import pytest

from tests.virialff.labels.imports.qmugs_fixture import records, write_structures
from virialff.errors import DatasetError
from virialff.labels.imports.qmugs.problems import ConformerId, Reason, Refused
from virialff.labels.imports.qmugs.structures import (
    FILE,
    MAX_RECORD_BYTES,
    TAGS,
    ArchiveDamaged,
    parse_structure,
    stream_archive,
)

PUBLISHED_TAGS = """
CHEMBL_ID CONF_ID GFN2:TOTAL_ENERGY GFN2:ATOMIC_ENERGY GFN2:FORMATION_ENERGY GFN2:TOTAL_ENTHALPY
GFN2:TOTAL_FREE_ENERGY GFN2:DIPOLE GFN2:QUADRUPOLE GFN2:ROT_CONSTANTS GFN2:ENTHALPY GFN2:HEAT_CAPACITY GFN2:ENTROPY
GFN2:HOMO_ENERGY GFN2:LUMO_ENERGY GFN2:HOMO_LUMO_GAP GFN2:FERMI_LEVEL GFN2:MULLIKEN_CHARGES
GFN2:COVALENT_COORDINATION_NUMBER GFN2:DISPERSION_COEFFICIENT_MOLECULAR GFN2:DISPERSION_COEFFICIENT_ATOMIC
GFN2:POLARIZABILITY_MOLECULAR GFN2:POLARIZABILITY_ATOMIC GFN2:WIBERG_BOND_ORDER GFN2:TOTAL_WIBERG_BOND_ORDER
DFT:TOTAL_ENERGY DFT:ATOMIC_ENERGY DFT:FORMATION_ENERGY DFT:ESP_AT_NUCLEI DFT:LOWDIN_CHARGES DFT:MULLIKEN_CHARGES
DFT:ROT_CONSTANTS DFT:DIPOLE DFT:XC_ENERGY DFT:NUCLEAR_REPULSION_ENERGY DFT:ONE_ELECTRON_ENERGY
DFT:TWO_ELECTRON_ENERGY DFT:HOMO_ENERGY DFT:LUMO_ENERGY DFT:HOMO_LUMO_GAP DFT:MAYER_BOND_ORDER
DFT:WIBERG_LOWDIN_BOND_ORDER DFT:TOTAL_MAYER_BOND_ORDER DFT:TOTAL_WIBERG_LOWDIN_BOND_ORDER
"""


def test_the_tags_are_the_published_ones():
    assert tuple(PUBLISHED_TAGS.split()) == TAGS
    assert len(TAGS) == 44


def test_every_file_comes_with_its_conformer_in_the_order_of_the_archive(tmp_path):
    made = records()
    files = list(stream_archive(write_structures(tmp_path, made)))
    assert [file.name for file in files] == [record.path for record in made]
    assert files[1].conformer == ConformerId(12, 1)
    assert all(file.content == record.sdf() for file, record in zip(files, made, strict=True))


def test_files_that_are_no_conformers_are_given_without_one(tmp_path):
    def edit(name: str) -> str:
        return name.replace("CHEMBL7/conf_00.sdf", "CHEMBL7/readme.txt").replace("CHEMBL31/", "molecule31/")

    files = list(stream_archive(write_structures(tmp_path, records(), edit)))
    assert [file.name for file in files if file.conformer is None] == [
        "structures/CHEMBL7/readme.txt",
        "structures/molecule31/conf_00.sdf",
    ]


def test_a_file_too_large_is_not_read_into_memory(tmp_path):
    path = tmp_path / "structures.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        info = tarfile.TarInfo("structures/CHEMBL1/conf_00.sdf")
        info.size = MAX_RECORD_BYTES + 1
        archive.addfile(info, io.BytesIO(bytes(info.size)))
    assert [file.content for file in stream_archive(path)] == [None]


def read_until_damage(path) -> tuple[list[str], str | None]:
    names = []
    try:
        for file in stream_archive(path):
            names.append(file.name)
    except ArchiveDamaged as error:
        return names, str(error)
    return names, None


def test_wherever_the_file_is_cut_the_whole_records_before_come_and_the_cut_is_named(tmp_path):
    made = records()
    whole = write_structures(tmp_path, made).read_bytes()
    path = tmp_path / "cut.tar.gz"
    found = []
    for length in (*range(0, len(whole), 211), len(whole) - 1):
        path.write_bytes(whole[:length])
        names, error = read_until_damage(path)
        assert names == [record.path for record in made[: len(names)]]
        assert error is not None, length
        assert f"cut.tar.gz is cut off or damaged after {names[-1] if names else 'its beginning'}" in error
        found.append(len(names))
    assert found == sorted(found)
    assert found[-1] == len(made)


def test_a_cut_before_compression_is_noticed_at_the_border_of_two_files_too(tmp_path):
    plain = gzip.decompress(write_structures(tmp_path, records()).read_bytes())
    path = tmp_path / "cut.tar.gz"
    end = -(-len(plain.rstrip(b"\0")) // 512) * 512
    for length in range(0, end + 1024, 512):
        path.write_bytes(gzip.compress(plain[:length], compresslevel=1))
        assert read_until_damage(path)[1] is not None, length


def test_damage_in_the_middle_is_noticed(tmp_path):
    whole = bytearray(write_structures(tmp_path, records()).read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    path = tmp_path / "damaged.tar.gz"
    path.write_bytes(whole)
    # What comes before may be spoilt: a record is checked when it is read, the archive at its end.
    assert "damaged.tar.gz is cut off or damaged" in (read_until_damage(path)[1] or "")


def test_a_missing_archive_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"There is no file .*structures\.tar\.gz"):
        list(stream_archive(tmp_path / "structures.tar.gz"))


def test_a_record_keeps_its_geometry_order_and_tags():
    record = records()[2]
    structure = parse_structure(record.sdf())
    assert structure.molecule.numbers.tolist() == record.molecule.numbers.tolist()
    np.testing.assert_array_equal(structure.molecule.positions, record.molecule.positions)
    assert structure.molecule.inchikey == record.molecule.inchikey
    assert structure.tags == record.tags
    assert structure.number("DFT:TOTAL_ENERGY") == float(record.row["DFT_TOTAL_ENERGY"])
    assert structure.numbers("GFN2:DIPOLE", 4)[1] == float(record.row["GFN2_DIPOLE_Y"])


@pytest.mark.parametrize(
    ("value", "reason", "words"),
    [
        (None, Reason.MISSING_TAG, "the tag DFT:DIPOLE is missing"),
        ("1.0|2.0|x|3.0", Reason.BAD_TAG, "holds no numbers: '1.0|2.0|x|3.0'"),
        ("1.0|2.0|3.0", Reason.BAD_TAG, "has 3 values where 4 belong"),
        ("1.0|2.0|inf|3.0", Reason.BAD_TAG, "not a finite number"),
    ],
)
def test_a_tag_that_is_missing_or_damaged_is_refused(value, reason, words):
    record = records()[0]
    del record.tags["DFT:DIPOLE"]
    if value is not None:
        record.tags["DFT:DIPOLE"] = value
    structure = parse_structure(record.sdf())
    with pytest.raises(Refused) as caught:
        structure.numbers("DFT:DIPOLE", 4)
    assert caught.value.reason == reason
    assert words in caught.value.text


def _record(block: str) -> bytes:
    return f"{block}M  END\n>  <CHEMBL_ID>\nCHEMBL1\n\n$$$$\n".encode()


def _atoms(*lines: str, bonds: tuple[str, ...] = ()) -> bytes:
    counts = f"{len(lines):3}{sum(not b.startswith('M') for b in bonds):3}  0  0  0  0  0  0  0  0999 V2000\n"
    body = "".join(f"{x:>10}    0.0000    0.7000 {symbol:<3} 0  0\n" for symbol, x in map(str.split, lines))
    return _record(f"CHEMBL1\n     x             3D\n\n{counts}{body}{''.join(bonds)}")


@pytest.mark.parametrize(
    ("content", "reason", "words"),
    [
        (_atoms("I 0.0000", "Cl 2.3000", bonds=("  1  2  1  0\n",)), Reason.ELEMENT, "atom 1 (I)"),
        (_atoms("O 0.0000", "H 0.9700", bonds=("  1  2  1  0\n", "M  CHG  1   1  -1\n")), Reason.CHARGED, "charge"),
        (_atoms("Cl 0.0000"), Reason.CHEMISTRY, "hydrogen"),
        (_atoms("H 0.0000", "H 0.7000", "H 5.0000", "H 5.7000", bonds=("  1  2  1  0\n", "  3  4  1  0\n")),
         Reason.FRAGMENTS, "2 molecules"),
        (b"CHEMBL1\n", Reason.UNREADABLE, "M  END"),
        (b"", Reason.UNREADABLE, "empty"),
    ],
)  # fmt: skip
def test_a_record_outside_the_method_is_refused_with_its_reason(content, reason, words):
    with pytest.raises(Refused) as caught:
        parse_structure(content)
    assert (caught.value.reason, words in caught.value.text) == (reason, True), caught.value.text


def _archive(path, *members):
    with tarfile.open(path, "w:gz", format=tarfile.GNU_FORMAT) as archive:
        for kind, content in members:
            info = tarfile.TarInfo("header")
            info.type, info.size = kind, len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        (tarfile.XHDTYPE, 60_000_000),
        (tarfile.XGLTYPE, 200_000),
        (tarfile.GNUTYPE_LONGNAME, 60_000_000),
        (tarfile.GNUTYPE_LONGLINK, 200_000),
        (tarfile.SOLARIS_XHDTYPE, 200_000),
    ],
)
def test_a_header_larger_than_any_is_not_read(tmp_path, kind, size):
    path = _archive(tmp_path / FILE, (kind, bytes(size)))
    tracemalloc.start()
    with pytest.raises(ArchiveDamaged, match=r"a header of|grows to more than"):
        list(stream_archive(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.parametrize(
    "content",
    [b"garbage", b"9999999999 path=x\n", b"11 path=\xff\xfe\n", b"30 mtime=" + b"9" * 19 + b"e\n", b"-3 a=b\n"],
)
def test_a_broken_header_is_a_named_error(tmp_path, content):
    path = _archive(tmp_path / FILE, (tarfile.XHDTYPE, content), (tarfile.REGTYPE, b"x"))
    try:
        list(stream_archive(path))
    except ArchiveDamaged as error:
        assert "is cut off or damaged" in str(error)  # noqa: PT017 - some are only passed over


def test_headers_one_in_another_end_in_a_named_error(tmp_path):
    path = _archive(tmp_path / FILE, *(2000 * [(tarfile.XHDTYPE, b"9 path=x\n")]))
    with pytest.raises(ArchiveDamaged, match="is cut off or damaged"):
        list(stream_archive(path))


def test_a_file_that_grows_beyond_belief_is_passed_over_and_named(tmp_path):
    path = _archive(tmp_path / FILE, *(12 * [(tarfile.REGTYPE, bytes(10_000_000))]))
    with pytest.raises(ArchiveDamaged, match="the compressed file grows to more than"):
        list(stream_archive(path))
