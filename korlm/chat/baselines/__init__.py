"""Baselines for chatbots: bots without a neural network."""
