"""Glosses of part-of-speech tags in Korean and English: the Sejong tag set, and the tags of each analyzer.

>>> explain_tag("EP", "ko"), explain_tag("Josa", "en"), explain_tag("VV-R", "en")
('선어말 어미', 'particle', 'verb')
>>> explain_tag("JC", "ko"), explain_tag("JC", "ko", "hannanum")
('접속 조사', '격 조사')
"""

from __future__ import annotations

from korlm.i18n import localize

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
    # mecab-ko
    "NNBC": ("단위 의존 명사", "bound noun of a unit"), "SC": ("구분 부호", "separator"), "SY": ("기타 기호", "other symbol"),
    "UNKNOWN": ("미등록어", "unknown"),
    # Komoran: guesses
    "NA": ("분석 불능", "unknown"), "NF": ("명사로 추정", "noun, by guess"), "NV": ("용언으로 추정", "predicate, by guess"),
    # Hannanum, 22 tags
    "NC": ("보통 명사", "common noun"), "NQ": ("고유 명사", "proper noun"), "NB": ("의존 명사", "bound noun"),
    "NN": ("수사", "numeral"), "PV": ("동사", "verb"), "PA": ("형용사", "adjective"), "PX": ("보조 용언", "auxiliary"),
    "MA": ("부사", "adverb"), "II": ("감탄사", "interjection"), "JP": ("서술격 조사", "copula (이다)"),
    "ET": ("전성 어미", "transforming ending"), "XP": ("접두사", "prefix"), "XS": ("접미사", "suffix"),
    "S": ("기호", "symbol"), "F": ("외국어", "foreign"),
    # Kkma
    "NNM": ("단위 의존 명사", "bound noun of a unit"), "VXV": ("보조 동사", "auxiliary verb"),
    "VXA": ("보조 형용사", "auxiliary adjective"), "MDT": ("관형사", "determiner"), "MDN": ("수 관형사", "numeral determiner"),
    "MAC": ("접속 부사", "conjunctive adverb"), "JKM": ("부사격 조사", "adverbial particle"), "JKI": ("호격 조사", "vocative particle"),
    "EPH": ("존칭 선어말 어미", "honorific pre-final ending"), "EPT": ("시제 선어말 어미", "tense pre-final ending"),
    "EPP": ("공손 선어말 어미", "humble pre-final ending"), "EFN": ("평서형 종결 어미", "declarative final ending"),
    "EFQ": ("의문형 종결 어미", "interrogative final ending"), "EFO": ("명령형 종결 어미", "imperative final ending"),
    "EFA": ("청유형 종결 어미", "propositive final ending"), "EFI": ("감탄형 종결 어미", "exclamatory final ending"),
    "EFR": ("존칭형 종결 어미", "honorific final ending"), "ECE": ("대등 연결 어미", "coordinating ending"),
    "ECS": ("보조적 연결 어미", "auxiliary connective ending"), "ECD": ("의존적 연결 어미", "subordinating ending"),
    "ETD": ("관형형 전성 어미", "adnominal ending"), "XPV": ("용언 접두사", "verb prefix"), "XSO": ("기타 접미사", "other suffix"),
    "UV": ("용언으로 추정", "predicate, by guess"), "UE": ("분석 불능", "unknown"), "EMO": ("이모티콘", "emoticon"),
    "OL": ("외국어", "foreign letters"), "OH": ("한자", "Chinese characters"), "ON": ("숫자", "number"),
}  # fmt: skip
_ANALYZER_GLOSSES = {  # tags with another meaning in the tag set of another analyzer
    "hannanum": {"JC": ("격 조사", "case particle")},
    "kkma": {"UN": ("명사로 추정", "noun, by guess")},
}
_SHORT_TAGS = {
    "Adjective": "Adj", "Determiner": "Det", "Adverb": "Adv", "Conjunction": "Conj", "Exclamation": "Excl",
    "Suffix": "Suf", "Punctuation": "Punc", "Foreign": "For", "Alpha": "Alph", "Number": "Num", "Unknown": "Unk",
    "KoreanParticle": "KP", "Modifier": "Mod", "VerbPrefix": "VPre", "Hashtag": "Hash", "ScreenName": "Scrn",
}  # fmt: skip


def explain_tag(tag: str, language: str, analyzer: str = "") -> str:
    """Return the gloss of a tag, or an empty string for an unknown one.

    Args:
        tag: of an analyzer; ``VV-R``, a regular verb, reads as ``VV``, and ``NNG+JKS`` as two tags.
        language: ``"ko"`` or ``"en"``.
        analyzer: decides between tag sets that use one tag for two things.
    """
    exceptions = _ANALYZER_GLOSSES.get(analyzer, {})
    glosses = [
        exceptions.get(part) or _GLOSSES.get(part) or _GLOSSES.get(part.split("-")[0]) for part in tag.split("+")
    ]
    return "+".join(localize(*gloss, language=language) for gloss in glosses if gloss)


def abbreviate_tags(tags: list[str], num_cells: int) -> str:
    """Return a label that fits below ``num_cells`` cells: all tags, or the first and a plus sign."""
    names = [_SHORT_TAGS.get(tag, tag.split("-")[0]) for tag in tags]
    label = "+".join(names)
    max_length = max(4, 5 * num_cells)
    return (
        label if len(label) <= max_length or not names else names[0][: max_length - 1] + ("+" if len(names) > 1 else "")
    )
