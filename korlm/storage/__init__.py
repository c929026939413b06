"""Files: artifact folders, caches, arrays on disk, and downloads from the Hugging Face Hub."""
