"""What a speech service is asked for to make the profile of a voice: the model and the sentences."""

from __future__ import annotations

SPEECH_MODEL = "gemini-3.8-flash-tts"
"""The speech models before it are served until 18 December 2026."""
SENTENCES = (
    "The north wind blew over the hills before the first travellers had reached the village.",
    "She chose six fresh peaches, a jar of honey, and two boxes of that strange yellow cheese.",
    "Quiet voices from the garden pause for a moment, then laughter breaks out again and fills the whole street.",
    "Your code is seven zero four five. Please check it twice, and then press the star key.",
    "아침 햇살이 창문으로 들어오자 방 안이 금세 따뜻해졌고, 커피 향이 퍼졌습니다.",
    "지하철역은 여기서 걸어서 십 분쯤 걸리고, 버스는 자주 다닙니다.",
)
"""About 30 s of speech. The sounds of two languages make the profile less dependent on what is said later. English and
Korean hold fricatives, whose treble a dull voice loses, plosives, nasals and all vowel heights."""
