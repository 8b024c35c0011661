"""Twenty sessions at once at the real server, without browsers, and its memory while it shows five hundred molecules.

Run: python -m perf.sessions
"""

from __future__ import annotations

import io
import itertools
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np
import pyarrow as pa
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from perf.browser import app_process, table, wait_for_port
from virialff import load_model
from virialff.molecules.molecule import Molecule

_SUBPROTOCOL = Subprotocol("streamlit")
_CHARGE_COLUMN = "charge (e)"


@dataclass(frozen=True)
class Shown:
    """What a session was shown: charges (n_atoms,) in e, None without a table of them, and the errors in words."""

    charges: np.ndarray | None
    errors: tuple[str, ...]


def open_molecule(address: str, smiles: str, *, timeout: float = 120.0) -> Shown:
    """Open the page Molecule by a link in a session of its own and read it to the end of its script.

    Raises TimeoutError where the server sends nothing for `timeout` seconds.
    """
    # Without a limit on the size of a message: drawings and tables come in one each.
    with connect(
        f"ws://{urlsplit(address).netloc}/_stcore/stream",
        subprotocols=[_SUBPROTOCOL],
        max_size=None,
    ) as socket:
        request = BackMsg()
        request.rerun_script.query_string = f"smiles={quote(smiles)}"
        socket.send(request.SerializeToString())
        charges: np.ndarray | None = None
        errors: list[str] = []
        while True:
            message = ForwardMsg()
            message.ParseFromString(bytes(socket.recv(timeout)))  # type: ignore[arg-type]
            kind = message.WhichOneof("type")
            if kind == "script_finished":
                return Shown(charges, tuple(errors))
            if kind != "delta" or message.delta.WhichOneof("type") != "new_element":
                continue
            element = message.delta.new_element
            what = element.WhichOneof("type")
            if what == "exception":
                errors.append(element.exception.message)
            elif what == "alert":
                errors += [element.alert.body] if element.alert.format == element.alert.ERROR else []
            elif what == "dataframe":
                found = _charges(element.dataframe.arrow_data.data)
                charges = found if found is not None else charges


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


def at_once(address: str) -> tuple[str, str, str]:
    """All sessions open a molecule each at the same moment; their charges must be the library's."""
    model = load_model()
    smiles = molecules(SESSIONS)
    expected = [model.force_field(Molecule.from_smiles(text)).charges for text in smiles]
    start = time.perf_counter()
    with ThreadPoolExecutor(SESSIONS) as pool:
        shown = list(pool.map(lambda text: open_molecule(address, text), smiles))
    seconds = time.perf_counter() - start
    right = sum(
        not found.errors and found.charges is not None and np.allclose(found.charges, charges, atol=1e-4)
        for found, charges in zip(shown, expected, strict=True)
    )
    for text, found in zip(smiles, shown, strict=True):
        if found.errors or found.charges is None:
            print(f"{text}: {'; '.join(found.errors) or 'no charges'}", file=sys.stderr)
    return f"{SESSIONS} sessions at once", f"{right} have their charges, in {seconds:.1f} s", f"{SESSIONS}"


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


def main() -> None:
    with app_process() as (address, server):
        wait_for_port(address)
        open_molecule(address, "CCO")
        rows = [("what", "measured", "aim"), at_once(address)]
        print("  ".join(rows[-1]), file=sys.stderr, flush=True)
        rows += memory(address, server)
    print(table("Sessions", rows))


if __name__ == "__main__":
    main()
