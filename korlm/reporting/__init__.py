"""What every report shares: statistics, Markdown, plots, progress."""
