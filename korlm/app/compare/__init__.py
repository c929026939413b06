"""The tab that compares tokenizers."""
