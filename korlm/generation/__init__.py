"""Sampling from a recurrent language model, and streaming what it writes as stable text."""
