"""Training recurrent language models: batching, schedule, loop, checkpoints, and scoring."""
