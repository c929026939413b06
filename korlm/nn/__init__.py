"""torch modules only: the recurrent language model."""
