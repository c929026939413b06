"""The tab that generates and scores text."""
