"""The Sejong tag set, to which the part-of-speech tags of each analyzer are mapped.

    >>> to_sejong("kiwi", "VV-R"), to_sejong("okt", "Noun"), to_sejong("kaist", "jco")
    ('VV', 'NNG', 'JKO')
    >>> coarse_tag("JKO"), coarse_tag("EP")
    ('particle', 'ending')

The set is that of the 21st Century Sejong corpus plus one tag of Kiwi: XSM, a suffix that makes an adverb (깊이, 조용히),
which XSN, XSV and XSA do not cover.

A tag that covers several Sejong tags maps to the most frequent of them in UD Korean-Kaist (dev): particles JX 2,386 and
JKB 2,323, of the case particles JKB, endings EC 3,166, 관형사형 before 명사형 (ETM 3,076, ETN 300), modifiers MAG 950,
suffixes XSV 1,751 (XSN 1,127), punctuation SF 2,066. This concerns all of Okt (Noun is NNG, Josa JX, Verb VV: Okt
splits neither endings nor proper nouns off) and Hannanum's J, E, M, X and S; counts by Sejong tag over these two
analyzers are only meaningful for `coarse_tag`. A tag of several parts (mecab's ``NNG+JKS``) maps as its first part.
"""

from __future__ import annotations

from collections.abc import Mapping

COARSE_TAGS: dict[str, tuple[str, ...]] = {
    "noun": ("NNG", "NNP", "NNB", "NR", "NP", "XR"),  # a root (깨끗) is a bound noun
    "verb": ("VV", "VA", "VX", "VCP", "VCN"),
    "modifier": ("MM", "MAG", "MAJ"),
    "particle": ("JKS", "JKC", "JKG", "JKO", "JKB", "JKV", "JKQ", "JX", "JC"),
    "ending": ("EP", "EF", "EC", "ETN", "ETM"),
    "affix": ("XPN", "XSN", "XSV", "XSA", "XSM"),
    "symbol": ("SF", "SP", "SS", "SE", "SO", "SW"),
    "other": ("IC", "SL", "SH", "SN", "NA"),  # words and numbers in other scripts are not symbols
}
SEJONG_TAGS = tuple(tag for tags in COARSE_TAGS.values() for tag in tags)
UNKNOWN_TAG = "NA"  # 분석 불능: not analyzed, or an unknown tag

_COARSE_TAG_OF = {tag: name for name, tags in COARSE_TAGS.items() for tag in tags}


def _parse_tag_table(mapping: str, *, unchanged: str = "") -> dict[str, str]:
    """Parse ``SEJONG: tag tag, ...`` to a mapping from tag to Sejong tag; ``unchanged`` tags map to themselves."""
    table = {tag: tag for tag in unchanged.split()}
    for entry in mapping.split(", "):
        sejong, tags = entry.split(": ")
        table |= dict.fromkeys(tags.split(), sejong)
    return table


_COMMON_TAGS = (
    "NNG NNP NNB NR NP VV VA VX VCP VCN MM MAG MAJ IC JKS JKC JKG JKO JKB JKV JKQ JX JC EP EF EC ETN ETM "
    "XPN XSN XSV XSA XR SF SE SL SH SN"
)
_TAG_TABLES: dict[str, dict[str, str]] = {
    # Kiwi's Z_CODA is a lone consonant (the ㅋ of 했엌), SW like its ㅋㅋ; Z_SIOT is the ㅅ that joins two nouns.
    "kiwi": _parse_tag_table(
        "VV: VV-R VV-I NV, VA: VA-R VA-I, VX: VX-R VX-I, XSA: XSA-R XSA-I, XSN: Z_SIOT, NNG: NF, SS: SSO SSC, "
        "SW: SB W_HASHTAG W_EMOJI Z_CODA, SL: W_URL W_EMAIL W_MENTION, SN: W_SERIAL, "
        "NA: UN USER0 USER1 USER2 USER3 USER4",
        unchanged=_COMMON_TAGS + " XSM SP SS SO SW NA",
    ),
    "mecab": _parse_tag_table(
        "NNB: NNBC, SP: SC, SS: SSO SSC, SW: SY, VV: VSV, NA: UNKNOWN UNA", unchanged=_COMMON_TAGS + " SP NA"
    ),
    "komoran": _parse_tag_table("NNG: NF, VV: NV", unchanged=_COMMON_TAGS + " SP SS SO SW NA"),
    # Kkma guesses: UN a noun, UV a predicate, UE neither. EMO is an emoticon (^^, ㅋㅋ).
    "kkma": _parse_tag_table(
        "NNG: NN NNA UN, NNB: NNM, VV: UV VP, VX: VXV VXA, VCP: VC, MM: MD MDT MDN, MAG: MA, MAJ: MAC, JKB: JK JKM, "
        "JKV: JKI, EP: EPH EPT EPP, EF: EFN EFQ EFO EFA EFI EFR, EC: ECE ECD ECS EM, ETM: ET ETD, XPN: XP XPV, "
        "XSV: XS, XSN: XSO, SW: SY EMO, SL: OL, SH: OH, SN: ON, NA: UE BOS",
        unchanged=_COMMON_TAGS + " XSM SP SS SO SW",
    ),
    "okt": _parse_tag_table(
        "NNG: Noun ProperNoun, VV: Verb, VA: Adjective, MM: Determiner Modifier, MAG: Adverb, MAJ: Conjunction, "
        "IC: Exclamation, JX: Josa, EP: PreEomi, EC: Eomi, XPN: VerbPrefix, XSN: Suffix, SF: Punctuation, "
        "SW: KoreanParticle Foreign Hashtag CashTag Others, SL: Alpha URL Email ScreenName, SN: Number, "
        "NA: Unknown Korean Space"
    ),
    # Hannanum's 22 tags are the first two letters of Kaist's (SL and SR are quotes and brackets); its 9 are N P M J E X I S F.
    "hannanum": _parse_tag_table(
        "NNG: N NC, NNP: NQ, NNB: NB, NR: NN, NP: NP, VV: P PV, VA: PA, VX: PX, VCP: JP, MM: MM, MAG: M MA, "
        "IC: I II, JKB: JC, JX: J JX, EC: E EC, EF: EF, EP: EP, ETM: ET, XPN: XP, XSV: X XS, SF: S SF, SP: SP, "
        "SS: SL SR, SE: SE, SO: SD, SW: SU SY, SL: F, NA: UN IW"
    ),
    # Kaist's xsm makes adjectives (사랑+스럽) and xsa adverbs (당연+히); jct is the comitative 과, an adverbial particle.
    "kaist": _parse_tag_table(
        "NNG: ncn ncr ncpa ncps, NNP: nq nqpa nqpb nqpc nqq, NNB: nbn nbs nbu, NR: nnc nno, NP: npp npd, "
        "VV: pvg pvd, VA: paa pad, VX: px, VCP: jp, MM: mma mmd, MAG: mag mad, MAJ: maj, IC: ii, JKS: jcs, JKC: jcc, "
        "JKG: jcm, JKO: jco, JKB: jca jct, JKV: jcv, JKQ: jcr, JC: jcj, JX: jxt jxc jxf, EP: ep, EF: ef, "
        "EC: ecc ecs ecx, ETN: etn, ETM: etm, XPN: xp, XSN: xsn xsnu xsnca xsncc xsna xsns xsnp xsnx, "
        "XSV: xsv xsvv xsva xsvn, XSA: xsm xsms xsmn, XSM: xsa xsam xsas, SF: sf, SP: sp, SS: sl sr, SE: se, SO: sd, "
        "SW: su sy, SL: f, NA: unk iwg"
    ),
}
MAPPED_ANALYZERS = tuple(_TAG_TABLES)


def sejong_tag_table(analyzer: str) -> Mapping[str, str]:
    """Return the Sejong tag of each known tag of an analyzer; empty for an unknown analyzer.

    >>> sejong_tag_table("mecab")["NNBC"]
    'NNB'
    """
    return _TAG_TABLES.get(analyzer, {})


def to_sejong(analyzer: str, tag: str) -> str:
    """Return the Sejong tag of an analyzer's tag; never raises.

    Args:
        analyzer: ``"kiwi"``, ``"mecab"``, ``"okt"``, ``"komoran"``, ``"hannanum"``, ``"kkma"``, or ``"kaist"`` for
            the XPOS tags of UD Korean-Kaist.
        tag: the analyzer's own tag; the first part of one with several (``VV+EP``) counts.

    Returns:
        A tag of `SEJONG_TAGS`; ``"NA"`` if the tag or the analyzer is unknown.

        >>> to_sejong("mecab", "NNG+JKS"), to_sejong("kiwi", "?"), to_sejong("?", "NNG")
        ('NNG', 'NA', 'NA')
    """
    table = _TAG_TABLES.get(analyzer, {})
    return table.get(tag) or table.get(tag.partition("+")[0], UNKNOWN_TAG)


def coarse_tag(sejong: str) -> str:
    """Return the group of a Sejong tag, a key of `COARSE_TAGS`; ``"other"`` for an unknown tag.

    >>> coarse_tag("VCP"), coarse_tag("")
    ('verb', 'other')
    """
    return _COARSE_TAG_OF.get(sejong, "other")
