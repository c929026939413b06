"""Spans, Unicode rules and stable text; nothing here imports more than the standard library."""
