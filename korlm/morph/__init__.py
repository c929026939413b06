"""Morphological analyzers behind one protocol; each backend is imported on first use."""
