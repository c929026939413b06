"""The fixed answers to messages that need help from people: one card per category, with the hotlines to call.

>>> get_safety_card("suicide").hotlines[0].number
'109'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from korlm.i18n import localize

CrisisCategory = Literal["suicide", "violence", "sexual_violence", "child_abuse", "emergency", "medication"]


@dataclass(frozen=True)
class Hotline:
    """A telephone number that anyone in Korea can call."""

    number: str  # the number, without an area code
    name: tuple[str, str]  # Korean and English name
    source: str  # the authority and the date of the page or press release that states the number

    def __str__(self) -> str:
        return f"{localize(*self.name)} {self.number}"


# Each number is open day and night. Checked against these sources on 2026-11-29.
SUICIDE_HOTLINE = Hotline(
    "109", ("자살예방상담전화", "suicide prevention line"),
    "Ministry of Health and Welfare, press release of 2024-01-02, eiec.kdi.re.kr/policy/materialView.do?num=246730",
)  # fmt: skip
MENTAL_HEALTH_HOTLINE = Hotline(
    "1577-0199", ("정신건강위기상담전화", "mental health crisis line"),
    "Ministry of Health and Welfare, opened on 2008-10-10; National Center for Mental Health, ncmh.go.kr",
)  # fmt: skip
WOMEN_HOTLINE = Hotline(
    "1366", ("여성긴급전화", "women's emergency line"),
    "Ministry of Gender Equality and Family and Women's Human Rights Institute of Korea, press release of 2025-04-28",
)  # fmt: skip
YOUTH_HOTLINE = Hotline(
    "1388", ("청소년상담전화", "youth line"),
    "Korea Youth Counseling and Welfare Institute, 1388.go.kr; Gyeonggi Province, press release of 2026-02-13",
)  # fmt: skip
POLICE = Hotline(
    "112", ("경찰", "police"),
    "National Police Agency; reports of child abuse: Act on Special Cases concerning Child Abuse Crimes, Article 10",
)  # fmt: skip
RESCUE = Hotline(
    "119", ("구급·응급의료상담", "ambulance and emergency medical advice"),
    "National Fire Agency; medical advice on 119 since 2013: KTV news of 2018-11-06, ktv.go.kr/content/view?content_id=563714",
)  # fmt: skip


@dataclass(frozen=True)
class SafetyCard:
    """A fixed answer."""

    category: CrisisCategory  # what the message is about
    text: str  # the answer in Korean, in polite style
    hotlines: tuple[Hotline, ...]  # whom to call, the most fitting first


_CARDS: dict[CrisisCategory, SafetyCard] = {
    card.category: card
    for card in (
        SafetyCard(
            "suicide",
            "그만큼 버티기 힘드셨군요. 말해 줘서 고마워요. 저는 작은 챗봇이라 곁에 있어 드릴 수 없지만, 사람은 있어요. 지금 109에 "
            "전화하거나 가까운 사람에게 이 마음을 그대로 보여 주세요. 이미 다쳤거나 약을 먹었다면 바로 119를 불러 주세요.",
            (SUICIDE_HOTLINE, MENTAL_HEALTH_HOTLINE, YOUTH_HOTLINE, RESCUE),
        ),
        SafetyCard(
            "violence",
            "무섭고 아프셨겠어요. 맞거나 위협받아도 되는 사람은 없고, 당신 잘못이 아니에요. 지금 위험하다면 안전한 곳으로 몸을 "
            "피하고 112에 신고해 주세요. 가정이나 연인 사이의 일이라면 1366에서 밤낮없이 함께 방법을 찾아 줘요.",
            (POLICE, WOMEN_HOTLINE, YOUTH_HOTLINE, RESCUE),
        ),
        SafetyCard(
            "sexual_violence",
            "말하기 어려운 일을 말해 줘서 고마워요. 당신 잘못이 아니에요. 1366에 전화하면 상담, 병원, 신고를 한곳에서 도와줘요. "
            "지금 위험하다면 112를 불러 주세요. 청소년이라면 1388도 편이 되어 줘요.",
            (WOMEN_HOTLINE, POLICE, YOUTH_HOTLINE),
        ),
        SafetyCard(
            "child_abuse",
            "아이는 어떤 까닭으로도 맞거나 버려져서는 안 돼요. 지금 112에 알려 주세요. 의심만 들어도 신고할 수 있고, 누가 "
            "신고했는지는 비밀로 지켜 줘요. 직접 겪는 일이라면 당신 잘못이 아니에요. 1388에 전화해도 괜찮아요.",
            (POLICE, YOUTH_HOTLINE),
        ),
        SafetyCard(
            "emergency",
            "급한 상황일 수 있어요. 저와 이야기하기보다 지금 바로 119에 전화해 주세요. 전화를 끊지 않고 어떻게 하면 되는지 알려 "
            "줘요. 혼자라면 문을 열어 두고, 옆에 누가 있다면 도와 달라고 하세요.",
            (RESCUE,),
        ),
        SafetyCard(
            "medication",
            "약의 종류나 양은 제가 말씀드릴 수 없어요. 사람마다 달라서 틀리면 위험하거든요. 약사나 처방한 의사에게 물어보시고, 밤이나 "
            "휴일에는 119에서 의료 상담을 받을 수 있어요. 이미 많이 드셨다면 바로 119를 불러 주세요.",
            (RESCUE,),
        ),
    )
}


def get_safety_card(category: CrisisCategory) -> SafetyCard:
    """Return the fixed answer of a category."""
    return _CARDS[category]
