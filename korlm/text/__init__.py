"""Spans, Unicode and Hangul; nothing here reads files or loads models."""
