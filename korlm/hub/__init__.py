"""Models and tokenizers to and from the Hugging Face Hub: `push`, `fetch`, and the `card` that goes with them.

url = push("runs/law", "user/korlm-law", private=True)
folder = fetch("user/korlm-law", revision=url.rsplit("/", 1)[1])
"""

from korlm.hub.cards import card as card
from korlm.hub.cards import write_card as write_card
from korlm.hub.upload import push as push
from korlm.remote.fetch import fetch as fetch
