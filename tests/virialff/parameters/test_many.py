"""Force fields of many SMILES in processes: the same as one by one, in order, with the reasons of those without."""

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from virialff import children
from virialff.errors import EngineError, MoleculeError, NetChargeError, UnreadableRecordError
from virialff.models.registry import load_model
from virialff.molecules.molecule import Molecule
from virialff.parameters.many import BATCH, force_fields_of


def test_results_are_those_of_one_by_one_in_order_with_the_reasons_of_those_without():
    model = load_model()
    smiles = ["CCO", "C[NH3+]", "c1ccccc1C(=O)N.O", "not a molecule", *["C" * n for n in range(1, BATCH)]]
    found = list(force_fields_of(iter(smiles), processes=2))
    assert len(found) == len(smiles)
    assert isinstance(found[1], NetChargeError)
    assert found[1].atom == 1
    assert isinstance(found[3], UnreadableRecordError)
    positions = np.random.default_rng(1).normal(size=(2, 40, 3)) * 3
    for text, result in zip(smiles, found, strict=True):
        if isinstance(result, MoleculeError):
            continue
        alone = model.force_field(Molecule.from_smiles(text))
        assert result.molecule.smiles == alone.molecule.smiles
        np.testing.assert_allclose(result.charges, alone.charges, rtol=0, atol=1e-12)
        where = positions[:, : alone.molecule.n_atoms]
        if where.shape[1] == alone.molecule.n_atoms:
            np.testing.assert_allclose(result.pair_energy(where), alone.pair_energy(where), rtol=1e-9)


def test_what_is_not_asked_for_is_not_read():
    taken = []

    def endless():
        while True:
            taken.append("C")
            yield "C"

    results = force_fields_of(endless(), processes=1)
    next(results)
    results.close()
    assert len(taken) < 10 * BATCH


def workers_of(process: int) -> list[int]:
    """Not the processes that only watch over what is shared."""
    found = []
    for number in children.processes_below(process)[1:]:
        try:
            command = Path(f"/proc/{number}/cmdline").read_bytes()
        except FileNotFoundError:
            continue
        if b"popen_loky" in command:
            found.append(number)
    return found


#: What a worker that runs the main module of its starter would do again.
PRINTS = """\
from virialff.parameters.many import force_fields_of

print([found.molecule.formula for found in force_fields_of(["CCO", "C"], processes=2)])
"""


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )


def test_a_script_needs_no_main_guard(tmp_path):
    (tmp_path / "script.py").write_text(PRINTS)
    result = run("script.py", cwd=tmp_path)
    assert (result.stdout, result.stderr, result.returncode) == ("['C2H6O', 'CH4']\n", "", 0)


def test_the_main_module_of_an_app_is_not_run_again(tmp_path):
    """Streamlit puts the script of a page there, which cannot run without a session."""
    (tmp_path / "page.py").write_text("raise AssertionError('no session')")
    begin = f"import sys; sys.modules['__main__'].__file__ = {str(tmp_path / 'page.py')!r}"
    result = run("-c", f"{begin}\n{PRINTS}", cwd=tmp_path)
    assert (result.stdout, result.stderr, result.returncode) == ("['C2H6O', 'CH4']\n", "", 0)


def test_modules_of_the_folder_are_not_taken(tmp_path):
    """Somebody else may write in the folder where a user calls it."""
    for name in ("argparse", "pickle", "loky"):
        (tmp_path / f"{name}.py").write_text("raise AssertionError('foreign code')")
    result = run("-P", "-c", PRINTS, cwd=tmp_path)
    assert (result.stdout, result.stderr, result.returncode) == ("['C2H6O', 'CH4']\n", "", 0)


def test_a_process_that_is_killed_is_an_error_with_a_sentence():
    results = force_fields_of(itertools.repeat("CCO"), processes=2)
    next(results)
    (first, second) = workers_of(os.getpid())
    os.kill(first, signal.SIGKILL)
    with pytest.raises(EngineError, match="was ended from outside; where memory is short, try fewer processes"):
        for _ in itertools.islice(results, 100_000):
            pass
    assert not Path(f"/proc/{second}").exists()


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
def test_processes_end_with_the_one_that_began_them(tmp_path, by):
    script = """\
import itertools
from virialff.parameters.many import force_fields_of

for number, _ in enumerate(force_fields_of(itertools.repeat("CCO"), processes=2)):
    if number == 0:
        print(flush=True)
"""
    (tmp_path / "script.py").write_text(script)
    with subprocess.Popen([sys.executable, "script.py"], cwd=tmp_path, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        workers = workers_of(process.pid)
        process.send_signal(by)
    assert len(workers) == 2
    until = time.monotonic() + 30
    while any(Path(f"/proc/{number}").exists() for number in workers) and time.monotonic() < until:
        time.sleep(0.05)
    assert [number for number in workers if Path(f"/proc/{number}").exists()] == []
