"""Embeddings of morphemes, recovered from the similarities that Kiwi's language model gives.

Kiwi's CoNg model (contextual n-gram embeddings, kiwipiepy 0.21 and later, Apache-2.0) holds a unit vector of 256 dimensions
for each morpheme of its dictionary, but only tells cosines. Cosines to enough anchors determine the vectors up to a
rotation: with the anchors' Gram matrix ``G = U S U^T``, the vector of a morpheme with cosines ``k`` to the anchors is
``k U S^(-1/2)`` (classical scaling, Torgerson 1952, with the extension of Nyström).

>>> embeddings, known = recover_kiwi_embeddings([("덥", "VA-I"), ("춥", "VA-I"), ("고양이", "NNG"), ("뷁", "NNG")])
>>> known.tolist(), bool(embeddings[0] @ embeddings[1] > embeddings[0] @ embeddings[2])
([True, True, True, False], True)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from korlm.errors import AnalyzerError
from korlm.morph.kiwi import KiwiAnalyzer

WIDTH = 256
_NUM_ANCHORS = 500  # more than the width, as some of the common morphemes are nearly collinear
_FIRST_ANCHOR_ID, _ANCHOR_STRIDE = (
    200,
    7,
)  # ids of the dictionary: after the placeholders of tags, spread over common words


def recover_kiwi_embeddings(morphemes: Sequence[tuple[str, str]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the embeddings of morphemes in Kiwi's language model.

    Args:
        morphemes: forms and Kiwi's own tags (``VA-I``, not ``VA``, for an irregular adjective).

    Returns:
        Embeddings ``[n, 256]`` float32 of unit length, zeros for unknown morphemes; and whether each is known, ``[n]``.

    Raises:
        AnalyzerError: the installed Kiwi has no such model.
        MissingDependencyError: Kiwi is not installed.
    """
    analyzer = KiwiAnalyzer()
    anchors: list[int] = []
    anchor_id = _FIRST_ANCHOR_ID
    while len(anchors) < _NUM_ANCHORS:
        if analyzer.compute_similarity(anchor_id, anchor_id) is not None:
            anchors.append(anchor_id)
        anchor_id += _ANCHOR_STRIDE
    gram = np.array([[analyzer.compute_similarity(first, second) or 0.0 for second in anchors] for first in anchors])
    values, vectors = np.linalg.eigh(gram)
    values, vectors = values[-WIDTH:], vectors[:, -WIDTH:]
    if values[0] < 1e-3:
        raise AnalyzerError(
            "Kiwi의 임베딩을 되찾지 못했습니다. requirements.txt의 kiwipiepy를 설치하세요.",
            "Kiwi's embeddings could not be recovered. Install the kiwipiepy of requirements.txt.",
        )
    projection = vectors / np.sqrt(values)
    embeddings = np.zeros((len(morphemes), WIDTH), np.float32)
    is_known = np.zeros(len(morphemes), bool)
    for row, morpheme in enumerate(morphemes):
        if analyzer.compute_similarity(morpheme, morpheme) is None:
            continue
        cosines = np.array([analyzer.compute_similarity(morpheme, anchor) for anchor in anchors], np.float64)
        embeddings[row] = cosines @ projection
        is_known[row] = True
    return embeddings, is_known
