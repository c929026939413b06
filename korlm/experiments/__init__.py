"""Equal-budget comparisons of tokenizers and cells: several seeds, paired tests, one report."""
