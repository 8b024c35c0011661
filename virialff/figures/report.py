"""A report: figures, tables and where they come from, in one HTML file that needs neither a network nor this program.

Figures stay interactive: plotly.js is in the file, compressed, and the browser unpacks it (every browser since 2023).
Text of molecules and files is escaped; the file loads nothing and runs no script but plotly.js.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

import pandas as pd
import plotly.graph_objects as go

from virialff.text import printable

#: Rows of a table that are shown; a longer one says how many it has.
MOST_ROWS = 200
#: By a word in the name or level of a method: whose work it is.
_CITATIONS = {
    "model": "A. D. Terets, T. Yu. Nikolaienko, Ukr. J. Phys. 71, No 7, 577 (2026), and the program virialff.",
    "GFN2-xTB": "C. Bannwarth, S. Ehlert, S. Grimme, J. Chem. Theory Comput. 15, 1652 (2019).",
    "ANI": "C. Devereux et al., J. Chem. Theory Comput. 16, 4192 (2020); "
    "X. Gao et al., J. Chem. Inf. Model. 60, 3408 (2020).",
    "MMFF94": "T. A. Halgren, J. Comput. Chem. 17, 490 (1996); "
    "P. Tosco, N. Stiefl, G. Landrum, J. Cheminform. 6, 37 (2014).",
    "ETKDG": "S. Riniker, G. A. Landrum, J. Chem. Inf. Model. 55, 2562 (2015).",
    "wB97X-D": "J.-D. Chai, M. Head-Gordon, Phys. Chem. Chem. Phys. 10, 6615 (2008).",
    "def2-SVP": "F. Weigend, R. Ahlrichs, Phys. Chem. Chem. Phys. 7, 3297 (2005).",
    "PySCF": "Q. Sun et al., J. Chem. Phys. 153, 024109 (2020).",
    "Psi4": "D. G. A. Smith et al., J. Chem. Phys. 152, 184108 (2020).",
    "RRHO": "S. Grimme, Chem. Eur. J. 18, 9955 (2012).",
    "CREST": "P. Pracht, F. Bohle, S. Grimme, Phys. Chem. Chem. Phys. 22, 7169 (2020).",
}
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 62rem; margin: 2rem auto;
  padding: 0 1rem }
h1 { font-size: 1.7rem; margin-bottom: .3rem }
h2 { font-size: 1.3rem; border-bottom: 1px solid #ccc; margin-top: 2.5rem }
h3 { font-size: 1.05rem; margin: 1.5rem 0 .4rem }
table { border-collapse: collapse; font-size: .87rem; font-variant-numeric: tabular-nums }
th, td { padding: .2rem .6rem; border-bottom: 1px solid #ddd; text-align: left } th { background: #f4f4f4 }
.wide { overflow-x: auto } .note, .facts th { color: #595959 } .facts td { word-break: break-word }
svg { max-width: 100%; height: auto }
@media print { .modebar { display: none } h2 { break-after: avoid } }
"""
_START = """
const packed = Uint8Array.from(atob(document.getElementById('plotly').textContent), c => c.charCodeAt(0));
const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
new Response(stream).text().then(text => {
  const script = document.createElement('script');
  script.textContent = text;
  document.head.appendChild(script);
  for (const place of document.querySelectorAll('[data-figure]')) {
    const figure = JSON.parse(document.getElementById(place.dataset.figure).textContent);
    Plotly.newPlot(place, figure.data, figure.layout, {displaylogo: false, responsive: true});
  }
  document.body.dataset.drawn = 'true';
});
"""


@dataclass
class Section:
    """What one page showed, in the order in which it did.

    Figures come with a sentence for those who cannot see them, tables with a title, pictures are SVG of our own.
    """

    title: str
    notes: list[str] = field(default_factory=list)
    pictures: list[tuple[str, str]] = field(default_factory=list)
    figures: list[tuple[str, go.Figure]] = field(default_factory=list)
    tables: list[tuple[str, pd.DataFrame]] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.pictures or self.figures or self.tables)


def citations(texts: Iterable[str]) -> list[str]:
    """Whose work the methods named in these texts are; the model's paper comes first, always.

    Parameters
    ----------
    texts : iterable of str
        Names and levels of methods, sources of geometries: anything that names a method.
    """
    said = " ".join(texts)
    return [text for word, text in _CITATIONS.items() if word == "model" or word in said]


def report_html(title: str, facts: Mapping[str, str], sections: Sequence[Section], cited: Sequence[str]) -> str:
    """The report as one HTML document, some 2 MB.

    Parameters
    ----------
    title : str
        Of the report, for instance a name or formula.
    facts : mapping of str to str
        What is said first: molecule, model with its sha256, versions, date.
    sections : sequence of Section
        Empty ones are left out.
    cited : sequence of str
        References, see `citations`.
    """
    shown = [section for section in sections if not section.is_empty]
    figures: list[str] = []
    body = "\n".join(_section(section, figures) for section in shown)
    rows = "".join(f"<tr><th scope=row>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in facts.items())
    references = "".join(f"<li>{_text(text)}</li>" for text in cited)
    scripts = ""
    allowed = ""
    if figures:
        allowed = " ".join(f"'sha256-{_digest(text)}'" for text in (_START, _plotly()[0]))
        data = "".join(
            f'<script type="application/json" id="figure{number}">{text}</script>'
            for number, text in enumerate(figures)
        )
        scripts = f'{data}<script type="text/plain" id="plotly">{_plotly()[1]}</script><script>{_START}</script>'
    runs = allowed or "'none'"
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; script-src {runs}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{_text(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{_text(title)}</h1><table class=facts>{rows}</table>{body}"
        f"<h2>To cite</h2><ul>{references}</ul>{scripts}</body></html>"
    )


def _section(section: Section, figures: list[str]) -> str:
    parts = [f"<h2>{_text(section.title)}</h2>"]
    parts += [f"<p class=note>{_text(note)}</p>" for note in section.notes]
    for alt, svg in section.pictures:
        drawn = base64.b64encode(svg.encode()).decode()
        parts.append(f'<img alt="{_text(alt)}" src="data:image/svg+xml;base64,{drawn}">')
    for alt, figure in section.figures:
        # "</script>" in a name would end the element.
        figures.append(figure.to_json().replace("<", "\\u003c"))
        height = figure.layout.height or 450
        place = f'<div data-figure="figure{len(figures) - 1}" role="img" aria-label="{_text(alt)}"'
        parts.append(f'<h3>{_text(alt)}</h3>{place} style="height: {height:.0f}px"></div>')
    for title, table in section.tables:
        parts.append(f"<h3>{_text(title)}</h3><div class=wide>{_table(table)}</div>")
        if len(table) > MOST_ROWS:
            parts.append(f"<p class=note>The first {MOST_ROWS} of {len(table)} rows.</p>")
    return "\n".join(parts)


def _table(table: pd.DataFrame) -> str:
    head = "".join(f"<th scope=col>{_text(str(name))}</th>" for name in table.columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{_text(_cell(value))}</td>" for value in row) + "</tr>"
        for row in table.head(MOST_ROWS).itertuples(index=False)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "–" if value != value else f"{value:.4g}" if abs(value) < 1 else f"{value:.3f}"
    return "–" if value is None else str(value)


def _text(text: str) -> str:
    return html.escape(printable(text))


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _plotly() -> tuple[str, str]:
    """plotly.js, and the same compressed for the file."""
    source = files("plotly").joinpath("package_data/plotly.min.js").read_text(encoding="utf-8")
    return source, base64.b64encode(gzip.compress(source.encode(), mtime=0)).decode()
