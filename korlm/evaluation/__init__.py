"""Comparing tokenizers: counts of one text, side by side; never torch."""
