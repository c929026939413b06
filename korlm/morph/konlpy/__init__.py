"""KoNLPy's analyzers in a process of their own."""
