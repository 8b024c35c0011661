"""Browser sessions without browsers: clients that speak Streamlit's protocol to the running app."""

from __future__ import annotations

import io
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import numpy as np
import pyarrow as pa
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Subprotocol

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
