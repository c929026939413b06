"""Parts that every report shares: statistics, plot style, progress bars, Markdown and HTML."""
