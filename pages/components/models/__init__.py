"""Widgets of the page Models."""
