"""The documentation as a site: `make docs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

import virialff

project = "virialff"
author = "virialff contributors"
copyright = author
version = release = virialff.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "notebooks/*.ipynb"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
myst_fence_as_directive = ["mermaid"]

default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
add_module_names = False

html_theme = "furo"
html_title = f"virialff {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False


#: Pages whose text stands elsewhere in the checkout, where people and GitHub look for it.
ELSEWHERE = {"changelog": "CHANGELOG.md", "contributing": "CONTRIBUTING.md", "data_card": "assets/data/README.md"}


def read_elsewhere(app: Sphinx, page: str, source: list[str]) -> None:
    """Take the text of these pages from where it is, its links as they are from here."""
    if page not in ELSEWHERE:
        return
    text = (Path(app.srcdir).parent / ELSEWHERE[page]).read_text(encoding="utf-8")
    text = text.replace("](../../docs/", "](").replace("](docs/", "](")
    for name, file in ELSEWHERE.items():
        text = text.replace(f"]({file})", f"]({name}.md)")
    source[0] = text


class Mermaid(Directive):
    """A diagram that GitHub draws, as its text: drawing it would take a script from elsewhere."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        return [nodes.literal_block(text="\n".join(self.content))]


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("source-read", read_elsewhere)
    app.add_directive("mermaid", Mermaid)
    return {"parallel_read_safe": True}
