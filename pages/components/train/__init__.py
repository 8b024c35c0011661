"""Widgets of the page Train."""
