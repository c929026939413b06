"""Bots that are no neural nets: what a chatbot is measured against."""
