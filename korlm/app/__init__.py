"""The Gradio app: compare tokenizers, generate text with language models, talk to chatbots."""
