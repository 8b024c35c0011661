"""Widgets of the page Conformers."""
