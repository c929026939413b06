"""Pretrained language models: loading, scoring, mixtures."""
