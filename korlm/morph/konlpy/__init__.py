"""KoNLPy's analyzers, in a separate process."""
