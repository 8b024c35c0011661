"""RDKit's own messages: kept off the terminal, and their reason taken into ours."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rdkit import Chem, rdBase

from virialff.text import shortened, without_control

# The newer ring search keeps every ring of a size: 2^n in a cycloparaphenylene of n rings, a minute for n = 14. The
# older one is linear, and gave the same rings, aromatic bonds and SMILES in 2,784 drug-sized molecules.
_CHOOSES_RINGS = hasattr(Chem, "SetUseLegacyRingFinding")
if _CHOOSES_RINGS:
    Chem.SetUseLegacyRingFinding(True)

# RDKit swaps process-wide streams while it captures, so two threads must not do it at once.
_LOCK = threading.RLock()
_TIME = re.compile(r"^\[\d\d:\d\d:\d\d\]\s*")
_LONGEST_REASON = 150


@contextmanager
def every_ring() -> Iterator[None]:
    """The newer ring search, for a molecule that is known to have few rings."""
    with _LOCK:
        if _CHOOSES_RINGS:
            Chem.SetUseLegacyRingFinding(False)
        try:
            yield
        finally:
            if _CHOOSES_RINGS:
                Chem.SetUseLegacyRingFinding(True)


class CapturedLog:
    """The error messages of one `captured` block; complete once the block has ended."""

    def __init__(self) -> None:
        self.text = ""

    def reason(self, default: str = "RDKit gives no reason") -> str:
        """The first message in one line, without RDKit's time stamp and source position, which may quote all input."""
        for line in self.text.splitlines():
            line = _TIME.sub("", line).strip()
            if line and not line.startswith(("*", "Violation occurred", "Pre-condition")):
                return shortened(without_control(line).rstrip("."), _LONGEST_REASON)
        return default


def _messages(capture: rdBase.CaptureErrorLog) -> str:
    try:
        text: str = capture.messages
    except UnicodeDecodeError as error:  # RDKit may cut a quoted line within a character
        text = error.object.decode("utf-8", "replace")
    return text


@contextmanager
def captured() -> Iterator[CapturedLog]:
    """Silence RDKit inside the block and collect its error messages."""
    log = CapturedLog()
    with _LOCK, rdBase.BlockLogs(), rdBase.CaptureErrorLog() as capture:
        try:
            yield log
        finally:
            log.text = _messages(capture)
