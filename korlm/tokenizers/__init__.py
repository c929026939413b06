"""Lossless tokenizers of every unit behind one class, `Tokenizer`: ``decode(encode(text).ids) == text``."""
