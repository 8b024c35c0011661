"""Widgets of the page Parameters."""
