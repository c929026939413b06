"""Folders on the Hugging Face Hub: addresses, fetching, and what each refusal means. Pushing is in `korlm.hub`.

>>> from korlm.storage.hub import match_address
>>> match_address("user/my-model@v1").revision
'v1'
"""
