"""What part-of-speech tags mean, in Korean and English: Sejong tags as Kiwi gives them, and Okt's own.

>>> gloss("EP", "ko"), gloss("Josa", "en"), gloss("VV-R", "en")
('선어말 어미', 'particle', 'verb')
"""

from __future__ import annotations

_GLOSSES: dict[str, tuple[str, str]] = {
    "NNG": ("일반 명사", "common noun"), "NNP": ("고유 명사", "proper noun"), "NNB": ("의존 명사", "bound noun"),
    "NR": ("수사", "numeral"), "NP": ("대명사", "pronoun"), "VV": ("동사", "verb"), "VA": ("형용사", "adjective"),
    "VX": ("보조 용언", "auxiliary"), "VCP": ("긍정 지정사", "copula (이다)"), "VCN": ("부정 지정사", "negative copula (아니다)"),
    "MM": ("관형사", "determiner"), "MAG": ("일반 부사", "adverb"), "MAJ": ("접속 부사", "conjunctive adverb"),
    "IC": ("감탄사", "interjection"), "JKS": ("주격 조사", "subject particle"), "JKC": ("보격 조사", "complement particle"),
    "JKG": ("관형격 조사", "genitive particle"), "JKO": ("목적격 조사", "object particle"),
    "JKB": ("부사격 조사", "adverbial particle"), "JKV": ("호격 조사", "vocative particle"),
    "JKQ": ("인용격 조사", "quotative particle"), "JX": ("보조사", "auxiliary particle"),
    "JC": ("접속 조사", "conjunctive particle"), "EP": ("선어말 어미", "pre-final ending"), "EF": ("종결 어미", "final ending"),
    "EC": ("연결 어미", "connective ending"), "ETN": ("명사형 전성 어미", "nominalizing ending"),
    "ETM": ("관형형 전성 어미", "adnominal ending"), "XPN": ("접두사", "prefix"), "XSN": ("명사 파생 접미사", "noun suffix"),
    "XSV": ("동사 파생 접미사", "verb suffix"), "XSA": ("형용사 파생 접미사", "adjective suffix"),
    "XSM": ("부사 파생 접미사", "adverb suffix"), "XR": ("어근", "root"), "SF": ("종결 부호", "sentence-final mark"),
    "SP": ("구분 부호", "separator"), "SS": ("묶음 부호", "bracket or quote"), "SSO": ("여는 부호", "opening mark"),
    "SSC": ("닫는 부호", "closing mark"), "SE": ("줄임표", "ellipsis"), "SO": ("붙임표", "hyphen or tilde"),
    "SW": ("기타 기호", "other symbol"), "SL": ("로마자", "Latin letters"), "SH": ("한자", "Chinese characters"),
    "SN": ("숫자", "number"), "SB": ("글머리표", "list marker"), "UN": ("분석 불능", "unknown"),
    "W_URL": ("웹 주소", "URL"), "W_EMAIL": ("전자 우편", "e-mail"), "W_HASHTAG": ("해시태그", "hashtag"),
    "W_MENTION": ("멘션", "mention"), "W_SERIAL": ("일련번호", "serial number"), "W_EMOJI": ("이모지", "emoji"),
    "Z_CODA": ("덧붙은 받침", "added coda"), "Z_SIOT": ("사이시옷", "linking ㅅ"), "USER0": ("사용자 태그", "user tag"),
    "Noun": ("명사", "noun"), "Verb": ("동사", "verb"), "Adjective": ("형용사", "adjective"),
    "Determiner": ("관형사", "determiner"), "Adverb": ("부사", "adverb"), "Conjunction": ("접속사", "conjunction"),
    "Exclamation": ("감탄사", "exclamation"), "Josa": ("조사", "particle"), "PreEomi": ("선어말 어미", "pre-final ending"),
    "Eomi": ("어미", "ending"), "Suffix": ("접미사", "suffix"), "Punctuation": ("구두점", "punctuation"),
    "Foreign": ("외국어·기호", "foreign or symbol"), "Alpha": ("로마자", "Latin letters"), "Number": ("숫자", "number"),
    "Unknown": ("미등록어", "unknown"), "KoreanParticle": ("낱자", "lone letters (ㅋㅋ)"), "Hashtag": ("해시태그", "hashtag"),
    "ScreenName": ("아이디", "screen name"), "Email": ("전자 우편", "e-mail"), "URL": ("웹 주소", "URL"),
    "Modifier": ("관형사", "modifier"), "VerbPrefix": ("동사 접두어", "verb prefix"), "CashTag": ("종목 태그", "cashtag"),
}  # fmt: skip
_SHORT = {
    "Adjective": "Adj", "Determiner": "Det", "Adverb": "Adv", "Conjunction": "Conj", "Exclamation": "Excl",
    "Suffix": "Suf", "Punctuation": "Punc", "Foreign": "For", "Alpha": "Alph", "Number": "Num", "Unknown": "Unk",
    "KoreanParticle": "KP", "Modifier": "Mod", "VerbPrefix": "VPre", "Hashtag": "Hash", "ScreenName": "Scrn",
}  # fmt: skip


def gloss(tag: str, language: str) -> str:
    """Return what a tag means, or nothing for one that is not known (``VV-R``, a regular verb, is ``VV``)."""
    found = _GLOSSES.get(tag) or _GLOSSES.get(tag.split("-")[0], ("", ""))
    return found[1] if language == "en" else found[0]


def short(tags: list[str], cells: int) -> str:
    """Return the tags as a label that fits under so many cells: all, or the first and a plus sign."""
    names = [_SHORT.get(tag, tag.split("-")[0]) for tag in tags]
    whole = "+".join(names)
    room = max(4, 5 * cells)
    return whole if len(whole) <= room or not names else names[0][: room - 1] + ("+" if len(names) > 1 else "")
