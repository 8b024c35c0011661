"""Reports: one file that loads nothing, with the text of others as text; the browser test draws one."""

import json
import re

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from virialff.figures.report import MOST_ROWS, Section, citations, report_html

HOSTILE = "</script><script>alert(1)</script><img src=http://elsewhere/x>"


def report(section: Section) -> str:
    return report_html(HOSTILE, {"Model": HOSTILE}, [section, Section("nothing")], citations(["GFN2-xTB"]))


def test_text_of_others_stays_text():
    figure = go.Figure(go.Scatter(x=[1, 2], y=[3, 4], name=HOSTILE), {"title": {"text": HOSTILE}})
    table = pd.DataFrame({HOSTILE: [HOSTILE, None]})
    text = report(
        Section(HOSTILE, [HOSTILE], [(HOSTILE, f"<svg>{HOSTILE}</svg>")], [(HOSTILE, figure)], [("t", table)])
    )
    outside_data = re.sub(r'<script type="[^"]*"[^>]*>.*?</script>', "", text)
    assert "<img src=http" not in text
    # The one script that starts the figures.
    assert outside_data.count("<script") == 1
    (data,) = re.findall(r'<script type="application/json" id="figure0">(.*?)</script>', text)
    assert json.loads(data)["layout"]["title"]["text"] == HOSTILE
    assert "default-src 'none'" in text
    assert "unsafe-inline'; img-src" in text
    assert "<h2>nothing</h2>" not in text
    assert len(text.encode()) < 5e6


def test_a_report_of_tables_alone_has_no_script():
    table = pd.DataFrame({"energy (kcal/mol)": [1.23456, np.nan, 1e-5], "name": ["a", "b", "c"]})
    text = report(Section("Energies", tables=[("Energies", table)]))
    assert "<script" not in text
    assert "script-src 'none'" in text
    assert "<td>1.235</td>" in text
    assert "<td>–</td>" in text
    assert len(text) < 1e4


def test_a_long_table_says_how_long_it_is():
    text = report(Section("Rows", tables=[("Rows", pd.DataFrame({"n": range(MOST_ROWS + 5)}))]))
    assert f"The first {MOST_ROWS} of {MOST_ROWS + 5} rows." in text


def test_whose_work_the_methods_are():
    found = citations(["GFN2-xTB", "wB97X-D/def2-SVP (PySCF)"])
    for text, name in zip(found, ("Terets", "Bannwarth", "Chai", "Weigend", "Sun"), strict=True):
        assert name in text
    assert "Terets" in citations([])[0]
    assert len(citations([])) == 1
