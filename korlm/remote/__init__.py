"""Folders on the Hugging Face Hub: addresses, fetching, and what each refusal means. Pushing is in `korlm.hub`.

>>> from korlm.remote.address import address
>>> address("user/my-model@v1").revision
'v1'
"""
