"""What all profiles know: the replies that can be given and the prompts that can be recognised."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from diag.emulator.answering import Understood
from diag.emulator.hearing import Pcm
from diag.emulator.recognition import Recogniser
from diag.emulator.replies import Prompt, Reply, read_prompts, read_replies, replies_folder

# One at a time: two would only fight each other and the event loop.
_THREAD = ThreadPoolExecutor(max_workers=1, thread_name_prefix="recognition")


@dataclass(frozen=True, kw_only=True)
class Bank:
    """Recordings that all profiles share."""

    replies: tuple[Reply, ...]
    prompts: tuple[Prompt, ...] = ()
    recogniser: Recogniser

    async def understood_speech(self, utterance: Pcm) -> Understood:
        """Which prompt an utterance at 16 kHz was; on a thread, since a few milliseconds would delay other sessions."""
        loop = asyncio.get_running_loop()
        prompt, confidence = await loop.run_in_executor(_THREAD, self.recogniser.recognise, utterance)
        if prompt is None:
            return Understood(prompt=None, text="", confidence=confidence)
        return Understood(prompt=prompt.name, text=prompt.text, confidence=confidence, language=prompt.language)

    def length_s(self, prompt: str) -> float:
        """How long a prompt's recording is."""
        return next(len(known.pcm) / known.sample_rate_hz for known in self.prompts if known.name == prompt)

    def understood_text(self, text: str) -> Understood:
        """Which prompt a typed text is: the same words, whatever their case and punctuation."""
        wanted = _words(text)
        for prompt in self.prompts:
            if wanted and wanted == _words(prompt.text):
                return Understood(prompt=prompt.name, text=text, confidence=1.0, language=prompt.language)
        return Understood(prompt=None, text=text)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def read_bank(replies_dir: Path | None) -> Bank:
    """The replies of a folder (or of the project) and the prompts in `prompts` beside it.

    Raises
    ------
    BadInputError
        If there are no usable replies.
    """
    folder = replies_folder(replies_dir)
    prompts = read_prompts(folder.parent / "prompts")
    return Bank(replies=read_replies(folder), prompts=prompts, recogniser=Recogniser(prompts))
