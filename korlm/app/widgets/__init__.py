"""HTML views that several tabs share."""
