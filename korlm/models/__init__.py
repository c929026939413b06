"""What a user loads: pretrained language models, their scores and mixtures."""
