"""Agreement of tokenizers with gold morphemes of treebanks."""
