"""The safety guard: it recognizes messages that need help from people, and gives a fixed answer in place of a bot's."""
