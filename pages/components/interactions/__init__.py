"""Widgets of the page Interactions."""
