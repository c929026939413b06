r"""The one form of a message that bots are trained on and answer: `normalize_message`.

What looks alike becomes equal: the keyboard, the clipboard and the file format of a message do not change its answer.

>>> normalize_message("  뭐\u200b 해？\r\n"), normalize_message("\u1112\u1161\u11ab ＡＢ\u3000글")
('뭐 해?', '한 AB 글')
"""

from __future__ import annotations

import re
import unicodedata

from korlm.text.spans import check_text

# Half- and full-width forms (U+FF01 to U+FFEF), each with the character that it is a form of; U+FFA0 is a blank
_WIDTH_FORMS = {
    code: chr(int(decomposition.split()[-1], 16))
    for code in range(0xFF01, 0xFFF0)
    if (decomposition := unicodedata.decomposition(chr(code)))
}
# Characters that are drawn as a blank but are not whitespace in Unicode: the Hangul fillers and the empty Braille cell
_BLANKS = dict.fromkeys((0x3164, 0xFFA0, 0x2800), " ")
# Control characters other than whitespace are as invisible as the ignorable ones.
_CONTROLS = "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
_TRANSLATION = _WIDTH_FORMS | _BLANKS

# Default_Ignorable_Code_Point (DerivedCoreProperties.txt, Unicode 15.1), without the fillers above
_IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_PICTOGRAPH = "[©®‼⁉™ℹ↔-↪⌚-⯿〰〽㊗㊙\U0001f000-\U0001faff]"
_SELECTED = f"{_PICTOGRAPH}[\ufe0e\ufe0f]?"
# Emoji of several code points (Unicode Technical Standard 51): keycaps, flags of regions, sequences with joiners
_EMOJI = "[0-9#*]\ufe0f?\u20e3|\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f|" + f"{_SELECTED}(?:\u200d{_SELECTED})*"
_EMOJI_OR_IGNORABLE = re.compile(f"({_EMOJI})|[{_IGNORABLE}{_CONTROLS}]")
_UNUSUAL = re.compile(f"[{_IGNORABLE}{_CONTROLS}{''.join(map(chr, _TRANSLATION))}]")


def normalize_message(text: str) -> str:
    r"""Return a message without differences that cannot be seen.

    Line ends and runs of whitespace become one space, and none is left at the ends. The text is composed (NFC); half- and
    full-width forms become ordinary letters; control characters and default-ignorable characters (zero-width spaces and
    joiners, byte order marks, direction marks, soft hyphens) are dropped, except within an emoji. Letters, spelling, case and
    punctuation stay. Normalizing twice changes nothing.

    Args:
        text: of any length.

    Returns:
        The message; empty if nothing in it can be seen.

    Raises:
        InputError: not a string, or an unpaired surrogate.

    Example:
        >>> normalize_message("👩\u200d🚀\u200b ❤\ufe0f\ufe0f") == "👩\u200d🚀 ❤\ufe0f"
        True
        >>> normalize_message("\u3164\u200b\n")
        ''
    """
    visible = check_text(text)
    if _UNUSUAL.search(text):
        composed = unicodedata.normalize("NFC", text.translate(_TRANSLATION))
        visible = _EMOJI_OR_IGNORABLE.sub(lambda match: match[1] or "", composed)
    return " ".join(unicodedata.normalize("NFC", visible).split())
