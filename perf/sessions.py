"""Twenty sessions at once at the real server, without browsers, and its memory while it shows five hundred molecules.

    python -m perf.sessions
    python -m perf.sessions --at-once 60
    python -m perf.sessions --soak --sessions 200 --batch 10000 --hours 3

The second form is so many sessions at once and nothing else. The third is mixed use for hours: rounds of sessions that
come one after the other, wait for the charges of a molecule of some 50 atoms, look at another page and stay, beside a
batch of many molecules that the app computes.
"""

from __future__ import annotations

import argparse
import io
import itertools
import random
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import numpy as np
import pyarrow as pa
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from pages.components.shell.entry import PAGES
from perf.browser import app_process, table, wait_for_port
from virialff import load_model
from virialff.children import processes_below
from virialff.molecules.molecule import Molecule

_SUBPROTOCOL = Subprotocol("streamlit")
_CHARGE_COLUMN = "charge (e)"


@dataclass(frozen=True)
class Shown:
    """What a session was shown: charges (n_atoms,) in e, None without a table of them, and the errors in words.

    seconds: until the charges were there, or until the page was where there are none.
    """

    charges: np.ndarray | None
    seconds: float
    errors: tuple[str, ...]
    buttons: dict[str, str]  #: their numbers by their words


class Session:
    """A browser's connection to the app, without the browser."""

    def __init__(self, address: str, timeout: float = 120.0) -> None:
        self._timeout = timeout
        # Without a limit on the size of a message: drawings and tables come in one each.
        self._left = ExitStack()
        place = f"ws://{urlsplit(address).netloc}/_stcore/stream"
        self._socket = self._left.enter_context(connect(place, subprotocols=[_SUBPROTOCOL], max_size=None))

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave, as a tab does that is closed."""
        self._left.close()

    def show(self, page: str = "", *, press: str | None = None, **query: str) -> Shown:
        """Open a page with these query parameters, or press one of its buttons, and read it to the end of its script.

        Raises TimeoutError where the server sends nothing for so long.
        """
        request = BackMsg()
        if press is not None:
            request.rerun_script.widget_states.widgets.add(id=press, trigger_value=True)
        request.rerun_script.page_name = page
        request.rerun_script.query_string = urlencode(query)
        start = time.perf_counter()
        self._socket.send(request.SerializeToString())
        charges: np.ndarray | None = None
        seconds = 0.0
        errors: list[str] = []
        buttons: dict[str, str] = {}
        while True:
            message = ForwardMsg()
            message.ParseFromString(bytes(self._socket.recv(self._timeout)))  # type: ignore[arg-type]
            kind = message.WhichOneof("type")
            if kind == "script_finished":
                if message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    continue
                return Shown(charges, seconds or time.perf_counter() - start, tuple(errors), buttons)
            if kind != "delta" or message.delta.WhichOneof("type") != "new_element":
                continue
            element = message.delta.new_element
            what = element.WhichOneof("type")
            if what == "exception":
                errors.append(element.exception.message)
            elif what == "alert":
                errors += [element.alert.body] if element.alert.format == element.alert.ERROR else []
            elif what == "button":
                buttons[element.button.label] = element.button.id
            elif what == "dataframe":
                found = _charges(element.dataframe.arrow_data.data)
                if found is not None:
                    charges, seconds = found, time.perf_counter() - start


def open_molecule(address: str, smiles: str) -> Shown:
    """Open the page Force field by a link in a session of its own."""
    with Session(address) as session:
        return session.show(smiles=smiles)


def _charges(data: bytes) -> np.ndarray | None:
    table = pa.ipc.open_stream(io.BytesIO(data)).read_all()
    if _CHARGE_COLUMN not in table.column_names:
        return None
    return np.asarray(table[_CHARGE_COLUMN].to_numpy())


SESSIONS = 20
MOLECULES = 500
#: Between this molecule and the last one memory may grow by AIM_GROWTH.
SETTLED = 250
AIM_GROWTH = 0.05
_ENDS = ("C", "CC", "CCC", "CCCC", "N", "O", "OC", "F")
_MIDDLES = (
    "c1ccc({})cc1{}",
    "C1CC({})CC1{}",
    "C(=O)N{}CC{}",
    "C(C){}OC{}",
    "c1cc({})ncc1{}",
    "C(O)C{}CC{}",
    "C(=O)C{}C{}",
    "C(N)CC{}C{}",
)


def molecules(count: int) -> list[str]:
    """SMILES of so many different molecules of 10 to 40 atoms."""
    found = []
    for start, middle, first, second in itertools.product(_ENDS, _MIDDLES, _ENDS, ("C", "O", "F")):
        smiles = start + middle.format(f"({first})" if "({})" not in middle else first, second)
        found.append(smiles)
    return found[:: len(found) // count][:count]


def at_once(address: str, sessions: int = SESSIONS) -> tuple[str, str, str]:
    """All sessions open a molecule each at the same moment; their charges must be the library's."""
    model = load_model()
    smiles = molecules(sessions)
    expected = [model.force_field(Molecule.from_smiles(text)).charges for text in smiles]
    start = time.perf_counter()
    with ThreadPoolExecutor(sessions) as pool:
        answers = list(pool.map(lambda text: (open_molecule(address, text), time.perf_counter() - start), smiles))
    shown, seconds = zip(*answers, strict=True)
    right = sum(
        not found.errors and found.charges is not None and np.allclose(found.charges, charges, atol=1e-4)
        for found, charges in zip(shown, expected, strict=True)
    )
    for text, found in zip(smiles, shown, strict=True):
        if found.errors or found.charges is None:
            print(f"{text}: {'; '.join(found.errors) or 'no charges'}", file=sys.stderr)
    wrong = sum(bool(found.errors) for found in shown)
    waits = f"median {statistics.median(seconds):.1f} s, longest {max(seconds):.1f} s"
    measured = f"{right} have their charges, {wrong} with an error; {waits}"
    return f"{sessions} sessions at once", measured, f"{sessions}, 0"


def resident_mib(process: int) -> float:
    """Resident memory of a process in MiB."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) / 1024


def memory(address: str, server: int) -> list[tuple[str, str, str]]:
    """Resident memory of the server after each molecule, a session of its own each."""
    resident: list[float] = []
    seconds: list[float] = []
    for number, smiles in enumerate(molecules(MOLECULES), start=1):
        start = time.perf_counter()
        shown = open_molecule(address, smiles)
        seconds.append(time.perf_counter() - start)
        if shown.errors or shown.charges is None:
            raise SystemExit(f"{smiles}: {'; '.join(shown.errors) or 'no charges'}")
        resident.append(resident_mib(server))
        if number % 25 == 0:
            print(f"{number} molecules, {resident[-1]:.0f} MiB", file=sys.stderr, flush=True)
    # Means over some molecules: a single value depends on when memory was last collected.
    before, after = (statistics.mean(resident[end - 20 : end]) for end in (SETTLED, MOLECULES))
    growth = f"{before:.0f} to {after:.0f} MiB, {100 * (after / before - 1):+.1f} %"
    return [
        (f"memory, molecules {SETTLED} to {MOLECULES}", growth, f"< {100 * AIM_GROWTH:.0f} %"),
        ("a molecule in a new session", f"median {statistics.median(seconds):.2f} s", ""),
    ]


#: Of the soak: what somebody waits at most for charges, and by how much memory may lie above its level at the end.
AIM_SECONDS = 2.0
#: Molecules after which no cache of the pages takes more (`max_entries`).
_FILLING = 80
#: Sessions that wait for an answer at the same time.
_AT_ONCE = 4
_LINKS = ("O", "S", "N(C)", "C(C)", "C(F)", "C(O)", "C(=O)")
_OTHER_PAGES = (*PAGES[1:], "")


def of_fifty_atoms(count: int) -> list[str]:
    """SMILES of so many different molecules of 44 to 52 atoms."""
    found = []
    for first, second, start, middle in itertools.product(_LINKS, _LINKS, range(1, 8), range(1, 8)):
        chain = "C" * start + first + "C" * middle + second + "C" * (14 - start - middle)
        if start + middle < 14:
            found.append(chain)
    return found[:: max(1, len(found) // count)][:count]


@dataclass(frozen=True)
class Level:
    """Of the server and the processes below it."""

    mib: float
    server_mib: float  #: of the server alone
    descriptors: int
    processes: int


def level(server: int) -> Level:
    """As it is now; a process that ends meanwhile is passed over."""
    found = processes_below(server)
    total = descriptors = 0.0
    for process in found:
        with suppress(OSError, StopIteration):
            total += resident_mib(process)
            descriptors += len(list(Path(f"/proc/{process}/fd").iterdir()))
    return Level(total, resident_mib(server), int(descriptors), len(found))


def soak(address: str, server: int, sessions: int, batch: int, hours: float) -> list[tuple[str, str, str]]:
    """Rounds of so many sessions until the time is over, the first beside a batch of so many molecules."""
    model = load_model()
    waits: list[float] = []
    wrong: list[str] = []
    random_number = random.Random(1)

    def visit(smiles: str) -> Session:
        session = Session(address)
        shown = session.show(smiles=smiles)
        waits.append(shown.seconds)
        expected = model.force_field(Molecule.from_smiles(smiles)).charges
        if shown.errors or shown.charges is None or not np.allclose(shown.charges, expected, atol=1e-4):
            wrong.append(f"{smiles}: {'; '.join(shown.errors) or 'other charges'}")
        other = random_number.choice(_OTHER_PAGES)
        if shown := session.show(other, smiles=smiles):
            wrong.extend(f"{other}: {error}" for error in shown.errors)
        return session

    def visits(smiles: list[str]) -> list[Session]:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(visit, smiles))

    # The level of a server that has been used: its caches of molecules are full, every page has read what it shows, and
    # both workers have started.
    asked = of_fifty_atoms(_FILLING + sessions)
    for session in visits(asked[:_FILLING]):
        session.close()
    waits.clear()
    with Session(address) as session:
        for page in PAGES:
            session.show(page, smiles="CCO")
    with Session(address, timeout=600.0) as first, Session(address, timeout=600.0) as second:
        _start_many(first, 50)
        _start_many(second, 60)
        _has_ended(first, 50)
        _has_ended(second, 60)
    _let_go(address)
    levels = [level(server)]
    end = time.monotonic() + 3600 * hours
    start = time.perf_counter()
    with Session(address, timeout=600.0) as beside:
        _start_many(beside, batch)
        rounds = 0
        while rounds == 0 or time.monotonic() < end:
            rounds += 1
            open_sessions = visits(asked[_FILLING:])
            highest = level(server)
            for session in open_sessions:
                session.close()
            print(
                f"round {rounds}: {len(waits)} waits, median {statistics.median(waits):.2f} s, {highest.mib:.0f} MiB, "
                f"{highest.descriptors} descriptors, {len(wrong)} wrong",
                file=sys.stderr,
                flush=True,
            )
            levels.append(highest)
        if not _has_ended(beside, batch):
            wrong.append("the batch did not come to its end")
        taken = time.perf_counter() - start
    _let_go(address)
    levels.append(level(server))
    for sentence in wrong[:20]:
        print(sentence, file=sys.stderr)
    waits.sort()
    return [
        (f"{len(waits)} sessions beside the batch", f"{len(wrong)} wrong", "0"),
        ("wait for the charges of 50 atoms", f"median {statistics.median(waits):.2f} s", f"< {AIM_SECONDS:.0f} s"),
        ("the same, 95 of 100 and the longest", f"{waits[int(0.95 * len(waits))]:.2f} s, {waits[-1]:.2f} s", ""),
        (f"batch of {batch:,} molecules", f"{taken:.0f} s", ""),
        ("memory before, highest, after", ", ".join(f"{at.mib:.0f} MiB" for at in _three(levels)), "back"),
        ("of the server alone", ", ".join(f"{at.server_mib:.0f} MiB" for at in _three(levels)), "back"),
        ("file descriptors", ", ".join(str(at.descriptors) for at in _three(levels)), "back"),
        ("processes", ", ".join(str(at.processes) for at in _three(levels)), "back"),
    ]


def _let_go(address: str) -> None:
    """Wait until the server has nothing left of sessions that ended.

    Streamlit keeps a session that was left for two minutes, and lets it go when another one is left; what was its is
    collected by a run half a minute later.
    """
    for seconds in (150.0, 40.0):
        time.sleep(seconds)
        open_molecule(address, "CCO")


def _set_of(count: int) -> dict[str, str]:
    return {"count": str(count), "split": "all"}


def _start_many(session: Session, count: int) -> None:
    """Begin the parameters of so many of the molecules that ship; a small set begins by itself."""
    button = session.show("parameters", **_set_of(count)).buttons.get("Compute parameters")
    if button is not None:
        session.show("parameters", press=button, **_set_of(count))


def _has_ended(session: Session, count: int) -> bool:
    """Wait for the end of the batch; whether it came to it."""
    # While it runs there is a button that stops it, and one that starts it where it has not come to its end.
    while "Stop" in (buttons := session.show("parameters", **_set_of(count)).buttons):
        time.sleep(5.0)
    return not {"Compute parameters", "Go on"} & set(buttons)


def _three(levels: list[Level]) -> tuple[Level, Level, Level]:
    return levels[0], max(levels, key=lambda at: at.mib), levels[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at-once", type=int, default=0, help="sessions that open a molecule at once, alone")
    parser.add_argument("--soak", action="store_true", help="mixed use for hours, see above")
    parser.add_argument("--sessions", type=int, default=200, help="of a round (default: 200)")
    parser.add_argument("--batch", type=int, default=10_000, help="molecules computed beside (default: 10000)")
    parser.add_argument("--hours", type=float, default=1.0)
    arguments = parser.parse_args()
    with app_process() as (address, server):
        wait_for_port(address)
        open_molecule(address, "CCO")
        if arguments.soak:
            rows = soak(address, server, arguments.sessions, arguments.batch, arguments.hours)
        elif arguments.at_once:
            rows = [at_once(address, arguments.at_once)]
        else:
            rows = [at_once(address)]
            print("  ".join(rows[-1]), file=sys.stderr, flush=True)
            rows += memory(address, server)
    print(table("Sessions", [("what", "measured", "aim"), *rows]))


if __name__ == "__main__":
    main()
