"""Question encoder: texts as vectors, so that questions of one meaning are found in other words."""
