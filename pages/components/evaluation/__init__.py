"""Widgets of the page Evaluation."""
