"""Plotly figures from typed results, every axis with its unit, and drawings of molecules."""
