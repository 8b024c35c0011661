"""Widgets of the page Data."""
