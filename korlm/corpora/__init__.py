"""Corpora: lines by name or file, splits by hash, cached token arrays."""
