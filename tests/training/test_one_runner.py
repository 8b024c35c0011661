"""Background work is run in one way: one state machine, one "end with the parent", one place for resources."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {
    file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8")
    for room in ("virialff", "training", "pages")
    for file in (ROOT / room).rglob("*.py")
}


def files_with(pattern: str) -> list[str]:
    return sorted(name for name, text in SOURCES.items() if re.search(pattern, text))


def test_one_state_machine():
    # Who may say that a job has died, and by what.
    assert files_with(r"its process was (killed|ended by)") == ["training/jobs/record.py", "training/jobs/work.py"]
    assert files_with(r"it was asked to stop") == ["training/jobs/record.py", "training/jobs/work.py"]
    assert files_with(r"\bdef outcome\(") == ["training/jobs/work.py"]
    assert files_with(r"StateName = Literal") == ["training/jobs/record.py"]


def test_one_process_that_runs_commands():
    started = files_with(r'"virialff\.cli"')
    # torchrun starts the command once for each process of a training.
    assert started == ["training/jobs/work.py", "training/loop/launcher.py"]


def test_one_end_with_the_parent():
    assert files_with(r"O_ASYNC|F_SETOWN|F_SETSIG|PDEATHSIG|prctl") == ["virialff/children.py"]
    assert files_with(r"preexec_fn|os\.fork\(|submitit|multiprocessing\.Process") == ["training/jobs/work.py"]


def test_one_place_for_resources():
    assert files_with(r"from training\.jobs\.locks import .*\btake\b") == ["training/jobs/slots.py"]
    assert files_with(r"sched_getaffinity|CUDA_VISIBLE_DEVICES\"\)") == ["training/jobs/slots.py"]


def test_training_unpickles_nothing():
    assert [name for name in files_with(r"pickle\.loads?\(") if name.startswith("training/")] == []
