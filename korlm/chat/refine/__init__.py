"""Retrieve and refine (Weston et al. 2018): a network that reads retrieved answers and writes, copies or changes them."""
