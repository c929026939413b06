"""Fair comparisons: one budget for every tokenizer and cell, several seeds, paired tests, one report."""
