"""One session from the WebSocket upgrade to its end: setup, messages of the client, time limits, faults."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping
from typing import Any

from diag.emulator import messages
from diag.emulator.chance import draw, draw_faults
from diag.emulator.closing import CLOSES, Refused, cut, unknown_name
from diag.emulator.conversation import Conversation
from diag.emulator.delivery import close_of, placed_step
from diag.emulator.faults import Close, Drop, GoAway, Quota, SlowSetup
from diag.emulator.incoming import declared_rate_hz, declares_rate, decode_bytes, mapping, read_frame, sequence
from diag.emulator.link import Dropped, Link
from diag.emulator.profile import Profile, Upgrade
from diag.emulator.resumption import Resumption
from diag.emulator.setup import Setup, read_setup

WATCH_EVERY_S = 5.0
"""Longest interval at which idle and blocked clients are looked for."""
REST_S = 0.5
"""Interval at which a delay before the setup checks whether the client has left."""
BLOCKED_FOR_S = 30.0
"""A client that reads nothing for this long is disconnected, so that unsent messages do not fill the memory."""


class _Gone(Exception):  # noqa: N818 (an ordinary end, not an error)
    """Raised when the client has left, to stop all tasks of its session."""


class Session:
    """Run one session; all its tasks end with it."""

    def __init__(self, link: Link, profile: Profile, upgrade: Upgrade, number: int) -> None:
        self.number = number
        self._link = link
        self._profile = profile
        self._upgrade = upgrade
        self._faults = draw_faults(profile.settings.faults, seed=profile.seed, session=self.number)
        self._resumption = Resumption(profile, self.number, time.perf_counter())
        self._tasks = asyncio.TaskGroup()
        self._shown = False

    async def run(self) -> None:
        """Run until the client leaves or the emulator ends the session."""
        profile = self._profile
        profile.live.add(self.number)
        upgrade = self._upgrade
        self._note(
            "session_open",
            version=upgrade.version,
            vertex=upgrade.vertex,
            constrained=upgrade.constrained,
            credential=upgrade.via,
            agent=upgrade.agent,
        )
        try:
            await self._guarded()
        finally:
            profile.live.discard(self.number)
            self._resumption.close()

    async def _guarded(self) -> None:
        ending: Refused | None = None
        dropped = False
        try:
            async with self._tasks as tasks:
                await self._live(tasks)
                raise _Gone
        except* (_Gone, ConnectionError):
            pass
        except* Dropped:
            dropped = True
        except* Refused as group:
            found = group.exceptions[0]
            ending = found if isinstance(found, Refused) else CLOSES["internal"].refused()
        if dropped:
            self._link.drop()
            self._note("dropped", by="service")
        elif ending is not None:
            reason = cut(ending.reason)
            self._note("closed", code=ending.code, reason=reason.decode(), by="service")
            await self._link.close(ending.code, reason)
        else:
            code, words = self._link.ended
            self._note("closed", code=code, reason=words, by="client")

    async def _live(self, tasks: asyncio.TaskGroup) -> None:
        for fault, _ in self._faults:
            if getattr(fault, "when", None) == "connect":
                await self._rest(fault.at_s)
                await self._apply(fault)
        setup = await self._set_up()
        turn = self._resumption.resume(setup.handle, setup.model.name) if setup.handle else 0
        conversation = Conversation(
            link=self._link,
            profile=self._profile,
            setup=setup,
            upgrade=self._upgrade,
            session=self.number,
            tasks=tasks,
            resumption=self._resumption,
            turn=turn,
        )
        await self._link.send(messages.setup_complete(uuid.uuid4().hex if self._upgrade.vertex else ""))
        self._note("setup_complete", turns_before=turn)
        await conversation.offer_handle()
        tasks.create_task(self._lifetime(setup, self._profile.settings.session_limit_s))
        tasks.create_task(self._watch())
        for fault, _ in self._faults:
            if getattr(fault, "when", None) == "session":
                tasks.create_task(self._later(fault))
            elif isinstance(fault, GoAway):
                tasks.create_task(self._sent_away(fault, conversation))
        while (data := await self._link.receive()) is not None:
            conversation.messages_taken += 1
            await self._take(read_frame(data), conversation)

    async def _set_up(self) -> Setup:
        settings = self._profile.settings
        try:
            async with asyncio.timeout(settings.setup_timeout_s):
                data = await self._link.receive()
        except TimeoutError:
            raise CLOSES["deadline"].refused() from None
        if data is None:
            raise _Gone
        message = read_frame(data)
        self._note("setup", setup=message.get("setup"))
        for fault, rng in self._faults:
            if isinstance(fault, Quota) and len(self._profile.live) > fault.at_once:
                self._note("fault_fired", fault=fault.kind)
                raise CLOSES["quota"].refused()
            if isinstance(fault, SlowSetup):
                self._note("fault_fired", fault=fault.kind)
                await self._rest(float("inf") if fault.delay_s is None else draw(fault.delay_s, rng))
            elif getattr(fault, "when", None) == "setup":
                await self._rest(fault.at_s)
                await self._apply(fault)
        self._check_key()
        upgrade = self._upgrade
        setup = read_setup(message, settings, version=upgrade.version, vertex=upgrade.vertex, firebase=upgrade.firebase)
        if setup.unanswered:
            await self._rest(float("inf"))
        return setup

    async def _rest(self, seconds: float) -> None:
        """Sleep while nothing is received, and end the session if the client leaves meanwhile."""
        until_s = time.perf_counter() + seconds
        while (left_s := until_s - time.perf_counter()) > 0:
            await asyncio.sleep(min(left_s, REST_S))
            if self._link.gone:
                raise _Gone

    def _check_key(self) -> None:
        if self._profile.settings.any_path and not self._profile.settings.keys:
            return
        if self._upgrade.credential is None:
            raise CLOSES["key_missing"].refused()
        if not self._upgrade.credential:
            raise CLOSES["key_not_found"].refused()
        if not self._profile.accepts(self._upgrade.credential):
            raise CLOSES["key_invalid"].refused()

    async def _lifetime(self, setup: Setup, session_limit_s: float) -> None:
        settings = self._profile.settings
        session_left_s = float("inf") if setup.compression else session_limit_s - self._resumption.elapsed_s
        left_s = max(min(settings.connection_limit_s, session_left_s), 0.0)
        notice_s = min(settings.go_away_notice_s, left_s)
        await self._go_away(left_s - notice_s, notice_s, enforce=True)

    async def _watch(self) -> None:
        idle_timeout_s = self._profile.settings.idle_timeout_s
        while True:
            await asyncio.sleep(min(WATCH_EVERY_S, idle_timeout_s))
            if self._link.idle_s > idle_timeout_s:
                raise CLOSES["aborted"].refused()
            if self._link.blocked_s > BLOCKED_FOR_S:
                raise Dropped

    async def _sent_away(self, fault: GoAway, conversation: Conversation) -> None:
        await asyncio.sleep(fault.at_s)
        self._note("fault_fired", fault=fault.kind)
        if fault.silent:
            conversation.fall_silent()
        await self._go_away(0.0, fault.time_left_s, enforce=fault.enforce)

    async def _go_away(self, at_s: float, time_left_s: float, *, enforce: bool) -> None:
        await asyncio.sleep(at_s)
        await self._link.send(messages.encoded({"goAway": {"timeLeft": messages.seconds(time_left_s)}}))
        self._note("go_away", time_left_s=time_left_s)
        if enforce:
            await asyncio.sleep(time_left_s)
            raise CLOSES["go_away_ignored"].refused()

    async def _later(self, fault: Any) -> None:
        await asyncio.sleep(fault.at_s)
        await self._apply(fault)

    async def _apply(self, fault: Any) -> None:
        self._note("fault_fired", fault=fault.kind)
        if isinstance(fault, Close):
            raise Refused(*close_of(fault))
        if isinstance(fault, Drop):
            raise Dropped
        step = placed_step(fault)
        if step is not None:
            await self._link.send(step.payload)

    async def _take(self, message: Mapping[str, Any], conversation: Conversation) -> None:
        for kind, content in message.items():
            if kind == "realtimeInput":
                await self._realtime(mapping(content), conversation)
            elif kind == "clientContent":
                await conversation.client_content(mapping(content))
            elif kind == "toolResponse":
                await conversation.tool_response(mapping(content))
            elif kind == "contextUpdate":
                self._note("context_update")
            elif kind == "setup":
                raise CLOSES["invalid_argument"].refused()
            else:
                raise unknown_name(kind[:40], "").refused()

    async def _realtime(self, content: Mapping[str, Any], conversation: Conversation) -> None:
        for kind, value in content.items():
            if value is None or value is False:
                continue
            if kind == "audio":
                await self._audio(mapping(value), conversation, "realtime_input.audio.data")
            elif kind == "mediaChunks":
                if not conversation.setup.model.media_chunks:
                    raise CLOSES["media_chunks"].refused()
                for blob in sequence(value):
                    await self._audio(mapping(blob), conversation, "realtime_input.media_chunks.data")
            elif kind == "video":
                decode_bytes(mapping(value).get("data"), "realtime_input.video.data")
                self._see(conversation.setup)
            elif kind == "text":
                await conversation.typed(str(value))
            elif kind == "audioStreamEnd":
                await conversation.stream_end()
            elif kind == "activityStart":
                await conversation.activity(begins=True)
            elif kind == "activityEnd":
                await conversation.activity(begins=False)
            else:
                raise unknown_name(kind[:40], "realtime_input").refused()

    async def _audio(self, blob: Mapping[str, Any], conversation: Conversation, place: str) -> None:
        data = decode_bytes(blob.get("data", ""), place)
        mime_type = blob.get("mimeType")
        if not str(mime_type or "audio/").lower().startswith("audio/"):
            self._see(conversation.setup)  # images in mediaChunks
            return
        rate_hz = declared_rate_hz(mime_type or "audio/pcm")
        if rate_hz is None:
            raise CLOSES["invalid_argument"].refused()
        await conversation.hear(data, rate_hz, declared=declares_rate(mime_type))

    def _see(self, setup: Setup) -> None:
        """Note that the client sent an image; images are ignored, but sessions with them have a shorter time limit."""
        if not self._shown and not setup.compression:
            self._tasks.create_task(self._lifetime(setup, self._profile.settings.video_session_limit_s))
        self._shown = True

    def _note(self, event: str, *, t_s: float | None = None, **data: Any) -> None:
        self._profile.note(event, t_s=t_s, session=self.number, **data)
