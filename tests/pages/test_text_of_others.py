"""Text of others never becomes markup: names, files, cards, labels and links with Markdown, HTML and icons in them.

Every page is walked with such texts. Whatever the browser would read as Markdown (labels, bodies, titles, options of
some widgets) must hold them escaped; `PLAIN` lists what Streamlit shows as it is.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from google.protobuf.message import Message
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

from pages.components.shell.entry import PAGES
from tests.administration import administer
from tests.fuzz import seeds
from tests.pages.conftest import ROOT, TIMEOUT_SECONDS, enter_smiles, finish, upload
from tests.virialff.labels.sample_labels import sample_label
from tests.virialff.sample_models import change_card, make_model
from training.jobs import offered
from training.recipes.recipe import PRESETS
from virialff.documents import read_object
from virialff.io.drawing import drawing_of
from virialff.labels.store import LabelStore
from virialff.models import registry
from virialff.molecules.molecule import Molecule
from virialff.settings import RUNS_VARIABLE, models_folder

HOST = "evil.example"
HOSTILE = (
    f"![x](http://{HOST}/x.png) <img src=http://{HOST}/y.png> :material/skull: :red[z] "
    f"$\\href{{http://{HOST}}}{{q}}$ [a](javascript:alert(1)) <a href='http://{HOST}'>b</a> http://{HOST}"
)
#: The same where no slash may be.
HOSTILE_NAME = HOSTILE.replace("/", "|")
#: What may not be left of it once escaped characters are taken out.
_ACTIVE = re.compile(r"!\[|\]\(|<img|<a |:material/skull|:red|\$.*\$|javascript:")
#: What is made a link in spite of escapes.
_LINK = re.compile(r"https?://|www\.")
#: Elements and their fields that are shown as they are, and what is no text for people.
PLAIN = {
    "ArrowData": {"data"},
    "BidiComponent": {"json"},
    "Code": {"code_text"},
    "ComponentInstance": {"json_args"},
    "Dataframe": {"id"},
    "DownloadButton": {"id", "url", "deferred_file_id"},
    "IFrame": {"srcdoc"},
    "Image": {"alt_text", "url"},
    "Json": {"body"},
    "MultiSelect": {"options", "default", "raw_values", "id"},
    "PlotlyChart": {"id", "alt"},
    "Selectbox": {"options", "id", "raw_value"},
    "Text": {"body"},
    "TextArea": {"value", "default", "id"},
    "TextInput": {"value", "default", "id"},
}


def texts_of(message: Message, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text of an element that is not shown as it is, with the name of its field."""
    name = message.DESCRIPTOR.name
    if name == "Table":  # cells of st.table are Markdown, those of st.dataframe are not
        cells = pa.ipc.open_stream(message.arrow_data.data).read_all()
        yield from ((f"{path}{name}.cell", str(cell)) for column in cells.columns for cell in column.to_pylist())
        yield from ((f"{path}{name}.title", title) for title in cells.column_names)
    for field, value in message.ListFields():
        if field.name in PLAIN.get(name, ()) or field.name in ("id", "formId", "form_id"):
            continue
        values = [value] if isinstance(value, str | bytes | Message | int | float) else list(value)
        for part in values:
            if isinstance(part, Message):
                yield from texts_of(part, f"{path}{name}.")
            elif isinstance(part, str):
                yield f"{path}{name}.{field.name}", part


def active(text: str) -> str | None:
    """What of a hostile text is still markup, None where nothing is."""
    found = _ACTIVE.search(re.sub(r"\\.", "", text)) or _LINK.search(re.sub(r"\\(.)", r"\1", text))
    return found[0] if found else None


def messages(block: Block) -> Iterator[Message]:
    for child in block.children.values():
        if isinstance(getattr(child, "proto", None), Message):
            yield child.proto
        if isinstance(child, Block):
            yield from messages(child)


def assert_escaped(app: AppTest, *, shown: bool = True) -> bool:
    """No element has the hostile texts as markup; `shown`: but something of them is on the page. Whether it is."""
    assert not app.exception, app.exception[0].stack_trace
    seen = False
    for message in messages(app._tree):
        for place, text in texts_of(message):
            if "PlotlyChart" in place:
                assert f"<a href='http://{HOST}" not in text, place
                continue
            if HOST in text or HOST.replace(".", "\\.") in text:
                seen = True
                assert active(text) is None, f"{place}: {text}"
    assert seen or not shown
    return seen


def visit(app: AppTest, page: str) -> AppTest:
    if page != "force_field":
        app.switch_page(f"pages/{page}.py")
    return app.run()


def hostile_file(title: str = HOSTILE) -> str:
    """Two molecules with this title, one that cannot be read, and one that the model does not cover."""
    first, second = (
        "\n".join([title, *drawing_of(Molecule.from_smiles(smiles)).splitlines()[1:], "$$$$"])
        for smiles in ("CCO", "CO")
    )
    bad = f"{title}\n  {title}\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\nnothing\nM  END\n$$$$"
    metal = (
        f"{title}\n\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n    0.0000    0.0000    0.0000 Au  0  0\nM  END\n$$$$"
    )
    return "\n".join([first, second, bad, metal, ""])


@pytest.mark.parametrize("page", PAGES)
def test_names_in_files_and_of_files(app, page):
    app.run()
    upload(app, f"{HOSTILE_NAME}.sdf", hostile_file())
    assert app.session_state["loaded_molecule"].title
    assert_escaped(app)
    visit(app, page)
    assert_escaped(app, shown=page in ("force_field", "conformers", "scan"))


@pytest.mark.parametrize("page", PAGES[:4])
def test_titles_and_errors_of_typed_smiles(app, page):
    app.run()
    enter_smiles(app, f"CCO {HOSTILE}")
    visit(app, page)
    assert_escaped(app, shown=False)
    if page == "dimer":
        app.session_state["complex"] = "My own"
        app.run()
    enter_smiles(visit(app, "force_field"), HOSTILE.split()[0] + HOST)
    assert app.error
    assert_escaped(app)
    assert_escaped(visit(app, page), shown=page != "dimer")


@pytest.mark.parametrize("page", PAGES)
def test_links(page):
    from tests.fuzz.boundaries import _KEYS

    app = AppTest.from_file(str(ROOT / "main.py"), default_timeout=TIMEOUT_SECONDS)
    for name in _KEYS:
        app.query_params[name] = HOSTILE
    visit(app, page)
    assert_escaped(app, shown=False)  # the field keeps the SMILES
    app = AppTest.from_file(str(ROOT / "main.py"), default_timeout=TIMEOUT_SECONDS)
    for name in _KEYS:
        app.query_params[name] = "CCO.O" if name == "smiles" else HOSTILE
    visit(app, page)
    assert app.warning, "what cannot be used is named by its part of the link"
    assert not assert_escaped(app, shown=False), "and never by its words"


#: As long as the texts of a card may be.
HOSTILE_CARD = f"![x](http://{HOST}/x.png) <img src=http://{HOST}/y.png> :material/skull: [a](javascript:alert(1)) $q$"


def hostile_card(value: Any, keep: set[str]) -> Any:
    """A card with the hostile text for each of its texts, except under the keys that decide whether it is one."""
    if isinstance(value, dict):
        return {key: inner if key in keep else hostile_card(inner, keep) for key, inner in value.items()}
    if isinstance(value, list):
        return [hostile_card(inner, keep) for inner in value]
    return HOSTILE_CARD if isinstance(value, str) else value


@pytest.fixture
def hostile_model() -> Iterator[str]:
    folder = make_model(models_folder() / "hostile")
    card = read_object(folder / "card.json")
    kept = {"format", "sha256", "elements", "name", "network", "model", "version", "created"}
    change_card(folder, **hostile_card(card, kept))
    yield "hostile"
    shutil.rmtree(folder)


@pytest.mark.parametrize("page", ["force_field", "conformers", "parameters", "benchmarks", "models"])
def test_cards_of_models(app, page, hostile_model):
    assert HOST in registry.load_model(hostile_model).level_of_theory
    app.query_params["smiles"] = "CCO"
    app.query_params["model"] = hostile_model
    visit(app, page)
    finish(app)
    assert_escaped(app, shown=page != "benchmarks")


@pytest.fixture
def hostile_store(tmp_path, monkeypatch) -> Path:
    """A label store with hostile texts in its rows, in a folder with a hostile name."""
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path / "runs"))
    monkeypatch.setattr(offered, "LABELS", tmp_path / "none")
    store = tmp_path / "labels" / HOSTILE_NAME
    texts = {"source": HOSTILE, "detail": HOSTILE, "settings": json.dumps({"a": HOSTILE})}
    with LabelStore(store).writer("part") as writer:
        for level in (HOSTILE, f"{HOSTILE} 2"):
            task = f"task of {level}"
            rows = [
                sample_label(task, 0, level_of_theory=level, charge_scheme=HOSTILE, **texts),
                sample_label(task, 1, level_of_theory=level, failure=HOSTILE, positions=None, **texts),
            ]
            writer.append(rows)
    administer(monkeypatch, tmp_path, labels=store.parent)
    return store


@pytest.mark.parametrize("tab", ["Contents", "Elements, sizes, energies", "Rows", "Check"])
def test_label_stores(app, hostile_store, tab):
    app.run()
    app.switch_page("pages/data.py")
    app.session_state["data_store"] = str(hostile_store)
    app.session_state["data_tab"] = tab
    app.run()
    finish(app)
    assert not app.exception
    assert_escaped(app, shown=tab == "Contents")


@pytest.mark.parametrize("number", [1, 2])
def test_one_row_of_a_store(hostile_store, number):
    def page(path: str, number: int) -> None:
        from pathlib import Path

        from pages.components.data.contents import _one_row

        _one_row(Path(path), number)

    app = AppTest.from_function(page, args=(str(hostile_store), number), default_timeout=TIMEOUT_SECONDS).run()
    assert_escaped(app)


def test_jobs_runs_and_campaigns(app, tmp_path, monkeypatch):
    runs = tmp_path / "runs"
    monkeypatch.setenv(RUNS_VARIABLE, str(runs))
    for number in range(2):
        folder = runs / "jobs" / f"job{number}"
        folder.mkdir(parents=True)
        for file in (seeds.CORPUS / "job").glob("*.json"):
            content = read_object(file)
            kept = {"state", "purpose", "cluster", "started", "ended", "asked", "time"}
            (folder / file.name).write_text(json.dumps(hostile_card(content, kept) if number else content))
    run = runs / HOSTILE_NAME
    run.mkdir()
    (run / "metrics.jsonl").write_text(json.dumps({"step": 1, "stage": 1, "seconds": 1.0, HOSTILE: 2.0}) + "\n")
    campaigns = tmp_path / "campaigns"
    campaigns.mkdir()
    preset = next(iter(sorted(PRESETS.glob("labels*.yaml")))).read_text()
    (campaigns / f"{HOSTILE_NAME}.yaml").write_text(f"# {HOSTILE}\n{preset}")
    (campaigns / f"wrong{HOSTILE_NAME}.yaml").write_text(f"# {HOSTILE}\n{HOSTILE_NAME}: 1\n")
    administer(monkeypatch, tmp_path, campaigns=campaigns)
    visit(app, "train")
    assert_escaped(app, shown=False)
    for name in offered.campaigns():
        visit(app, "data")
        app.session_state["data_part"] = "Compute"
        app.session_state["campaign"] = name
        app.run()
        assert_escaped(app, shown=HOST in name)


def test_every_markup_is_seen_when_it_is_not_escaped():
    """What the walk looks for is found, in each place of an element."""

    def page(text: str) -> None:
        import streamlit as st

        st.error("x", title=text)
        st.selectbox(text, ["a"])
        st.pills("a", [text])
        st.expander(text)
        st.tabs([text])
        st.button("a", help=text)
        st.metric("a", text)
        st.progress(0.5, text=text)

    app = AppTest.from_function(page, args=(HOSTILE,)).run()
    found = {place for message in messages(app._tree) for place, text in texts_of(message) if active(text)}
    assert len(found) == 8, found
    for part in HOSTILE.split():
        if part != "q":
            assert active(part) is not None or HOST not in part, part
    assert all(active(text) is None for text in ("a [b] c", "x!", ":-)"))
