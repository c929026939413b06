"""`normalize_message`: what looks alike becomes equal, and everything that can be seen stays."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.strings import NASTY

from korlm.errors import InputError
from korlm.text.normalization import normalize_message

INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad\u034f\u061c\u115f\u1160\u202a\u202e\u2066\u2069\ufe0f\0\x1b\x7f\x9f"
BLANK = " \t\n\r\x0b\x0c\x1c\x85\u00a0\u2003\u2028\u2029\u3000\u3164\uffa0\u2800"
EMOJI = [
    "👨\u200d👩\u200d👧\u200d👦", "👩🏿\u200d🚀", "👍🏽", "❤\ufe0f\u200d🔥", "❤\ufe0f", "☀\ufe0e", "1\ufe0f\u20e3", "#\u20e3", "🇰🇷", "🏳\ufe0f\u200d🌈",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "👁\ufe0f\u200d🗨\ufe0f", "🧑\u200d🤝\u200d🧑",
]  # fmt: skip
odd_texts = st.text(
    st.one_of(
        st.sampled_from("가각ㅋ뭐 해?！ＡｚAz\u1100\u1161\u11a8\u3131ﾡￂｶﾞ↔\u0338〈\u2329\ufb01e\u0301#1👩🚀❤🏴\u20e3"),
        st.sampled_from(INVISIBLE + BLANK + "\U000e0067\U000e007f"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=20,
)


@given(odd_texts)
@example("\u2329\ufe0f")
@example("↔\u0338\ufe0f")
@example("1\ufe0f\u200b\u20e3")
@example("\u1100\u200b\u1161")
@example("❤\u200b\ufe0f\u200d🔥")
def test_normalizing_twice_changes_nothing(text: str) -> None:
    once = normalize_message(text)
    assert normalize_message(once) == once == " ".join(once.split())
    assert unicodedata.is_normalized("NFC", once)


@given(st.text("가나한뭐해 ?!abZ9~ㅋㅠ", max_size=30), st.data())
def test_an_invisible_difference_is_none(text: str, data: st.DataObject) -> None:
    plain = " ".join(text.split())
    assert normalize_message(text) == plain
    assert normalize_message(unicodedata.normalize("NFD", text)) == plain
    wide = "".join(
        chr(ord(char) + 0xFEE0) if "!" <= char <= "~" and data.draw(st.booleans()) else char for char in text
    )
    assert normalize_message(wide) == plain
    blanks = "".join(data.draw(st.text(BLANK, min_size=1, max_size=3)) if char == " " else char for char in text)
    assert normalize_message(f"\ufeff{blanks}\r\n") == plain
    # a joiner or selector has no effect beside letters
    hidden = "".join(char + data.draw(st.text(INVISIBLE, max_size=2)) for char in unicodedata.normalize("NFD", text))
    assert normalize_message(hidden) == plain


@pytest.mark.parametrize("emoji", EMOJI)
def test_emoji_stay_whole(emoji: str) -> None:
    assert normalize_message(emoji) == emoji
    assert normalize_message(f"\u200d가 {emoji}\u200b나\u200d{emoji}\u200d") == f"가 {emoji}나{emoji}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("뭐 해？！～", "뭐 해?!~"),
        ("ＡＢＣ１２３", "ABC123"),
        ("ﾡￂ", "ㄱㅏ"),
        ("ﾋｶﾞ", "ヒガ"),
        ("￦１,０００", "₩1,000"),
        ("\u110a\u119e", "\u110a\u119e"),  # archaic: there is no composed form
        ("㎏ ① ﬁ ㅋㅋ", "㎏ ① ﬁ ㅋㅋ"),  # compatibility characters look different and stay
        ("<b>안녕</b> </s>", "<b>안녕</b> </s>"),
        ("안녕…  — ‘뭐’", "안녕… — ‘뭐’"),
        (INVISIBLE + BLANK, ""),
        ("", ""),
    ],
)
def test_what_can_be_seen_stays(text: str, expected: str) -> None:
    assert normalize_message(text) == expected


@pytest.mark.parametrize("text", NASTY)
def test_visible_characters_of_nasty_strings_stay(text: str) -> None:
    letters = [char for char in unicodedata.normalize("NFC", text) if char.isalnum()]
    assert [char for char in normalize_message(text) if char.isalnum()] == letters


@pytest.mark.parametrize("text", ["가\ud800", None, 3, ["가"], b"bytes"])
def test_what_is_not_text_is_a_clear_error(text: str) -> None:
    with pytest.raises(InputError):
        normalize_message(text)
