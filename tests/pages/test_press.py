"""A press of a button acts by what the page says then, and happens once."""

import ast
from pathlib import Path

from streamlit.testing.v1 import AppTest

from pages.components.shell import press
from tests.pages.conftest import enter_smiles, finish

COMPONENTS = Path(press.__file__).parents[1]


def page():
    import streamlit as st

    from pages.components.shell import press

    done = st.session_state.setdefault("done", [])
    number = st.number_input("Number", value=1)
    if st.toggle("Interrupt"):
        st.stop()
    if st.toggle("Show", value=True):
        press.button("Take it", lambda: done.append(number), disabled=number < 0)
    press.forget()


def test_what_was_typed_just_before_the_press_counts():
    app = AppTest.from_function(page).run()
    app.number_input[0].set_value(7)
    app.button[0].click()
    app.run()
    assert app.session_state["done"] == [7]
    assert app.run().session_state["done"] == [7]


def test_a_press_outlives_a_run_that_ends_before_the_button():
    app = AppTest.from_function(page).run()
    app.toggle[0].set_value(True)
    app.button[0].click()
    app.run()
    assert app.session_state["done"] == []
    app.toggle[0].set_value(False).run()
    assert app.session_state["done"] == [1]


def test_a_button_that_is_gone_or_disabled_does_nothing_later():
    app = AppTest.from_function(page).run()
    app.button[0].click()
    app.toggle[1].set_value(False).run()
    app.toggle[1].set_value(True).run()
    assert app.session_state["done"] == []
    app.number_input[0].set_value(-1)
    app.button[0].click().run()
    app.number_input[0].set_value(3).run()
    assert app.session_state["done"] == []


def test_conformers_are_as_many_as_was_typed(app):
    enter_smiles(app, "CCCCO")
    app.switch_page("pages/conformers.py").run()
    app.number_input(key="ensemble_count").set_value(2)
    app.button(key="press_Generate").click()
    finish(app.run())
    shown = " ".join(caption.value for caption in app.caption)
    assert "2 distinct conformers" in shown


def test_no_work_is_started_by_a_callback_with_arguments_of_an_earlier_run():
    """`background.start` in `on_click` would begin what the page said before the last change."""
    found = []
    for file in COMPONENTS.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "on_click" and "background.start" in ast.unparse(node):
                found.append(f"{file.name}:{node.value.lineno}")
    assert found == []
