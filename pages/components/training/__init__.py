"""Widgets of the page Training."""
