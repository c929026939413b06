"""Strings that break tokenizers."""

NASTY = [
    "",
    " ",
    "  두  칸  ",
    "탭\t과\t\t탭",
    "\n앞뒤 줄바꿈\n",
    "\n\n\n",
    "CR\r\nLF\r\n\r",
    "\u1112\u1161\u11ab\u1100\u1173\u11af",  # NFD 한글
    "ㅋㅋㅋㅠㅠ ㄹㅇ",
    "나랏말\u110a\u119e미",  # archaic jamo
    "뷁뛟쀍",
    "👨‍👩‍👧‍👦 가족 👍🏽 👩🏿‍🚀",
    "🇰🇷🇺🇸 국기",
    "大韓民國 漢字",
    "▁하늘▁ ▁▁",
    "\0널\0문자\0",
    "\ufeff앞의 BOM\ufeff",
    "<unk></s><s><pad><0x41>",
    "שלום عليكم 안녕",
    "e\u0301 a\u0308\u0332 ﷺ ㎏ ① ﬁ",
    "\u3000전각 공백\u00a0과\u2028줄\u2029문단\u0085다음",
    "아버지가방에들어가신다. 했다 깨져 갔는데 됐어 돼요?",
    "재밌었따ㅋㅋ!!! ㅡㅡ;; 10점만점에10점 (강추) http://a.kr/?q=1 a@b.kr #해시",
    "\U0010ffff\ue000\ufffd\ufffe",
    "a" * 300 + "가" * 300,
]
IDS = [repr(text)[:24] for text in NASTY]
