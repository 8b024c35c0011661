"""Widgets of the page Benchmarks."""
