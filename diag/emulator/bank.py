"""Recordings shared by all profiles: the replies that can be given and the prompts that can be recognised."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from diag.emulator.answering import Understood
from diag.emulator.hearing import Pcm
from diag.emulator.recognition import Recogniser
from diag.emulator.replies import Prompt, Reply, read_prompts, read_replies
from diag.files.scenario_folders import PROMPTS_TABLE, REPLIES_TABLE, folders_with

# One worker: two would compete with each other and with the event loop for the processor.
_THREAD = ThreadPoolExecutor(max_workers=1, thread_name_prefix="recognition")


@dataclass(frozen=True, kw_only=True)
class Bank:
    """Recordings that all profiles share."""

    replies: tuple[Reply, ...]
    prompts: tuple[Prompt, ...] = ()
    recogniser: Recogniser

    async def understood_speech(self, utterance: Pcm) -> Understood:
        """Return the prompt that an utterance matches; it runs on a thread so that it does not delay other sessions.

        Parameters
        ----------
        utterance : ndarray of int16, shape (n,)
            At 16 kHz.
        """
        loop = asyncio.get_running_loop()
        prompt, confidence = await loop.run_in_executor(_THREAD, self.recogniser.recognise, utterance)
        if prompt is None:
            return Understood(prompt=None, text="", confidence=confidence)
        return Understood(prompt=prompt.name, text=prompt.text, confidence=confidence, language=prompt.language)

    def length_s(self, prompt: str) -> float:
        """Return the length in seconds of a prompt's recording, for the prompt's name."""
        return next(len(known.pcm) / known.sample_rate_hz for known in self.prompts if known.name == prompt)

    def understood_text(self, text: str) -> Understood:
        """Return the prompt with the same words as a text; case and punctuation are ignored."""
        wanted = _words(text)
        for prompt in self.prompts:
            if wanted and wanted == _words(prompt.text):
                return Understood(prompt=prompt.name, text=text, confidence=1.0, language=prompt.language)
        return Understood(prompt=None, text=text)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def read_bank(replies_dir: Path | None) -> Bank:
    """Return the replies that can be given and the prompts that can be recognised.

    Parameters
    ----------
    replies_dir : Path or None
        Folder with `replies.toml`; the prompts are read from the folder `prompts` beside it. None for the user's own
        replies (or the built-in ones) and all prompts that `diag run --prompt` accepts by name.

    Raises
    ------
    BadInputError
        If there are no replies, or a table or recording cannot be used.
    """
    if replies_dir is not None:
        replies, prompts = read_replies(replies_dir), read_prompts(replies_dir.parent / PROMPTS_TABLE.parent)
    else:
        replies = read_replies(folders_with(REPLIES_TABLE)[0] / REPLIES_TABLE.parent)
        prompts = _prompts_by_name()
    return Bank(replies=replies, prompts=prompts, recogniser=Recogniser(prompts))


def _prompts_by_name() -> tuple[Prompt, ...]:
    prompts: dict[str, Prompt] = {}
    for folder in folders_with(PROMPTS_TABLE):
        for prompt in read_prompts(folder / PROMPTS_TABLE.parent):
            prompts.setdefault(prompt.name, prompt)
    return tuple(prompts.values())
