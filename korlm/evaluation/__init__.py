"""Comparison and intrinsic evaluation of tokenizers; never imports torch."""
