"""Segmenters: text to segments, before the vocabulary."""
