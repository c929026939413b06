"""Chatbots that learn: `ChatModel`, its training, what it is sure of, and how good its answers are."""
