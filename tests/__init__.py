"""Tests. A package, since one of the same name comes with streamlit-ketcher and would be found before a folder."""
