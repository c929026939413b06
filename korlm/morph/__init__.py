"""Morphological analyzers behind one protocol; each backend is imported when first used."""
