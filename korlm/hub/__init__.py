"""Models and tokenizers on the Hugging Face Hub: push, fetch, and model cards.

url = push_to_hub("runs/law", "user/korlm-law", private=True)
folder = fetch_from_hub("user/korlm-law", revision=url.rsplit("/", 1)[1])
"""

from korlm.hub.cards import render_card as render_card
from korlm.hub.cards import write_card as write_card
from korlm.hub.push import push_to_hub as push_to_hub
from korlm.storage.hub import fetch_from_hub as fetch_from_hub
