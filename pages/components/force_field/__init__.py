"""Widgets of the page Force field."""
