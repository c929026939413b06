"""What several test files share: paths, strings, toy models, servers."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]  # of the repository
