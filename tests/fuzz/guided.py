"""One boundary with inputs that look for new branches of our code, by atheris, where it is installed.

    python -m pip install atheris
    python -m tests.fuzz.guided xyz -runs=100000

What follows the kind goes to libFuzzer. It begins with the corpus of the kind and keeps what it finds in a folder of
its own; an input that fails is written as crash-... into the working folder and belongs into tests/fuzz/corpus, as
found-..., from where every run of the harness takes it.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.fuzz import seeds
from tests.fuzz.run import shares
from virialff.errors import VirialffError


def main() -> None:
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is not installed: python -m pip install atheris")
    kinds = [kind for kind in shares() if kind != "address"]
    if len(sys.argv) < 2 or sys.argv[1] not in kinds:
        sys.exit(f"usage: python -m tests.fuzz.guided KIND [options of libFuzzer]; KIND is one of {', '.join(kinds)}")
    kind = sys.argv.pop(1)
    os.environ["OMP_NUM_THREADS"] = "1"
    with atheris.instrument_imports(include=["virialff", "training"]):
        from tests.fuzz.run import make_boundaries
    folder = Path(tempfile.mkdtemp(prefix="virialff-guided-"))
    samples = seeds.make_samples(folder / "samples")
    boundary = make_boundaries(samples.folder, folder)[kind]
    kept = folder / "corpus"
    kept.mkdir()

    def one(data: bytes) -> None:
        try:
            boundary.feed(data)
        except VirialffError:
            return  # that is what an input of no sense should lead to

    place = seeds.CORPUS / kind
    limits = ["-timeout=10", "-rss_limit_mb=2048", "-max_len=20000"]
    folders = [str(kept), *([str(place)] if place.is_dir() else [])]
    atheris.Setup([sys.argv[0], *limits, *sys.argv[1:], *folders], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
