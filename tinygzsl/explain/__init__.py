"""Formulas with live checks, and the gradient checks."""
