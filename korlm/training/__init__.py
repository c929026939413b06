"""Training: batches, losses, optimizers, schedules, the training loop and checkpoints."""
