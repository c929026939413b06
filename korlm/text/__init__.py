"""Hangul arithmetic, spans and Unicode rules; nothing here imports more than the standard library."""
