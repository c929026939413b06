"""Agreement with gold segmentations of treebanks."""
