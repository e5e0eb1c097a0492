"use strict";
(() => {
  document.documentElement.classList.add("script");
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);
  // English texts of this script, and what the language of the page has for them.
  const words = JSON.parse(document.body.dataset.words || "{}");
  const say = (text) => words[text] ?? text;

  // A clip that is shown twice is stored only once.
  for (const audio of all("audio[data-same]")) audio.src = byId(audio.dataset.same).getAttribute("src");

  // Only one player plays at a time.
  let last = null;
  document.addEventListener("play", (event) => {
    for (const audio of all("audio")) if (audio !== event.target) audio.pause();
    if (!(event.target instanceof HTMLAudioElement)) return;
    stopSwitching();
    last = { toggle: () => toggle(event.target), seek: (by_s) => { event.target.currentTime += by_s; } };
    follow(event.target);
  }, true);
  document.addEventListener("seeking", (event) => place(event.target), true);
  const toggle = (audio) => { if (audio.paused) audio.play(); else audio.pause(); };

  // Show the playing position on the waveform; a click jumps to it.
  const waveOf = (audio) => audio.closest(".player")?.querySelector(".wave");
  const place = (audio) => {
    const wave = audio instanceof HTMLAudioElement && waveOf(audio);
    if (!wave || !audio.duration) return;
    let line = wave.querySelector(".cursor");
    if (!line) {
      line = document.createElement("i");
      line.className = "cursor";
      wave.append(line);
    }
    line.style.left = `${(100 * audio.currentTime) / audio.duration}%`;
  };
  const follow = (audio) => {
    place(audio);
    if (!audio.paused) requestAnimationFrame(() => follow(audio));
  };
  for (const audio of all(".player audio")) {
    const wave = waveOf(audio);
    wave.classList.add("seek");
    wave.addEventListener("click", async (event) => {
      if (event.target.closest("[data-play]")) return;
      const box = wave.getBoundingClientRect();
      const share = (event.clientX - box.left) / box.width;
      await audio.play();
      if (audio.duration) audio.currentTime = share * audio.duration;
    });
  }

  const reveal = (element) => {
    for (let node = element; node; node = node.parentElement) if (node instanceof HTMLDetailsElement) node.open = true;
    element.scrollIntoView();
  };
  const openTo = (element) => {
    for (const details of element.children) if (details instanceof HTMLDetailsElement) details.open = true;
    reveal(element);
  };
  // Findings, checks and scenarios of one state; a run without any is hidden.
  const setFilter = (state) => {
    document.body.classList.toggle("filtered", state !== "");
    for (const pill of all("[data-filter]")) pill.setAttribute("aria-pressed", String(pill.dataset.filter === state));
    for (const item of all("main [data-state]:not(.run)")) item.hidden = state !== "" && item.dataset.state !== state;
    for (const checks of all("details.checks")) if (state !== "") checks.open = true;
    for (const run of all(".run")) {
      run.hidden = state !== "" && !run.querySelector(`[data-state="${state}"]`);
      if (state !== "" && !run.hidden) run.querySelector(":scope > details")?.setAttribute("open", "");
    }
  };
  const followHash = () => {
    const state = location.hash.match(/^#show=(\w*)$/)?.[1];
    if (state !== undefined && all("[data-filter]").some((pill) => pill.dataset.filter === state)) return setFilter(state);
    const target = location.hash.length > 1 && byId(decodeURIComponent(location.hash.slice(1)));
    if (target) {
      if (target.closest("[hidden]")) setFilter("");
      openTo(target);
    }
  };
  addEventListener("hashchange", followHash);
  followHash();
  // Paper gets the findings of a few runs, and one line for each of many; tables of measures and checks stay closed.
  addEventListener("beforeprint", () => {
    const runs = all(".run > details");
    if (runs.length <= 4) runs.forEach((details) => { details.open = true; });
  });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button, [data-play]");
    if (!button) return;
    if (button.dataset.copy) await copy(button);
    if (button.dataset.filter !== undefined) {
      setFilter(button.dataset.filter);
      location.replace(`#show=${button.dataset.filter}`);
    }
    if (button.dataset.open) {
      const open = button.dataset.open === "all";
      all("main details").forEach((details) => { details.open = open; });
      button.dataset.open = open ? "none" : "all";
      button.textContent = say(open ? "Close all" : "Open all");
    }
    if (button.dataset.play) {
      const audio = byId(button.dataset.play);
      audio.currentTime = Number(button.dataset.at);
      audio.play();
    }
  });

  // Keyboard shortcuts, unless a control has the focus.
  const step = (by) => {
    const findings = all(".finding").filter((finding) => !finding.closest("[hidden]"));
    const here = findings.findIndex((finding) => finding.contains(document.activeElement));
    const next = findings[here < 0 ? (by > 0 ? 0 : findings.length - 1) : here + by];
    if (!next) return;
    reveal(next);
    next.focus({ preventScroll: true });
  };
  const keys = {
    j: () => step(1),
    k: () => step(-1),
    " ": () => last?.toggle(),
    ArrowLeft: () => last?.seek?.(-0.5),
    ArrowRight: () => last?.seek?.(0.5),
    "?": () => byId("keys").showModal(),
  };
  for (const name of ["a", "b", "x"]) keys[name] = () => (switches.find((one) => one.used) ?? switches[0])?.key(name);
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || byId("keys").open) return;
    if (event.target.closest("button, a, summary, audio, input, .ab") && !/^[jk?]$/.test(event.key)) return;
    const act = keys[event.key];
    if (!act || (!last && /^( |Arrow)/.test(event.key))) return;
    event.preventDefault();
    act();
  });

  async function copy(button) {
    const source = byId(button.dataset.copy);
    const said = button.textContent;
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = say("Copied");
    } catch {
      getSelection().selectAllChildren(source);
      button.textContent = say("Selected: press Ctrl+C");
    }
    setTimeout(() => { button.textContent = said; }, 2000);
  }

  // A against B: both play in sync; a switch fades one out and the other in within 8 ms.
  const FADE_S = 0.008;
  const switches = all(".ab").map(makeSwitch);
  function stopSwitching() { switches.forEach((one) => one.stop()); }

  async function decoded(context, id) {
    const uri = byId(id).getAttribute("src");
    const comma = uri.indexOf(",");
    if (!uri.startsWith("data:") || comma < 0) throw new Error("this audio is in a file beside the report");
    const bytes = Uint8Array.from(atob(uri.slice(comma + 1)), (letter) => letter.charCodeAt(0));
    return context.decodeAudioData(bytes.buffer);
  }

  function makeSwitch(box) {
    const data = box.dataset;
    const find = (name) => box.querySelector(`[data-do="${name}"]`);
    const status = box.querySelector("[data-status]");
    const line = box.querySelector("[data-timeline]");
    let context = null, buffers = null, running = null, side = "a", swapped = false, blind = false, matched = true;
    // Where each side begins on the common axis, seconds played of it, and how long the axis is.
    let begun_s = 0, from_s = 0, length_s = 0, frame = 0, aligned = false, onset, lead, longer;
    const duration = { a: Number(data.lengthA), b: Number(data.lengthB) };
    const position_s = () => (running ? Math.max(0, context.currentTime - begun_s) + from_s : from_s);
    const draw = () => {
      line.querySelector(".cursor").style.left = `${Math.min(100, (100 * position_s()) / length_s)}%`;
      cancelAnimationFrame(frame);
      if (running) frame = requestAnimationFrame(draw);
    };
    // Waves, the aligned moment and a tick each second, on the axis of this alignment.
    const layOut = () => {
      onset = aligned
        ? { a: Number(data.replyA), b: Number(data.replyB) }
        : { a: Number(data.onsetA), b: Number(data.onsetB) };
      lead = Math.min(onset.a, onset.b, aligned ? 0.2 : Number(data.lead));
      longer = duration.a - onset.a > duration.b - onset.b ? "a" : "b";
      length_s = duration[longer] - onset[longer] + lead;
      const percent = (seconds) => `${(100 * seconds) / length_s}%`;
      for (const wave of all("[data-wave]", line)) {
        wave.style.left = percent(lead - onset[wave.dataset.wave]);
        wave.style.width = percent(duration[wave.dataset.wave]);
      }
      line.querySelector(".zero").style.left = percent(lead);
      const every_s = [1, 2, 5, 10].find((step_s) => length_s / step_s <= 8) ?? 30;
      const axis = box.querySelector("[data-axis]");
      axis.replaceChildren();
      for (let at_s = Math.ceil(-lead / every_s) * every_s; at_s <= length_s - lead; at_s += every_s) {
        const tick = document.createElement("span");
        const left = (at_s + lead) / length_s;
        tick.style.left = `${100 * left}%`;
        tick.className = left < 0.02 ? "edge-low" : left > 0.97 ? "edge-high" : "";
        tick.textContent = `${at_s || 0} s`;
        axis.append(tick);
      }
    };
    const real = (name) => (swapped ? (name === "a" ? "b" : "a") : name);
    const gain = (name) => (matched ? 10 ** (Number(name === "a" ? data.gainA : data.gainB) / 20) : 1);

    const show = () => {
      for (const name of ["a", "b"]) {
        find(name).setAttribute("aria-pressed", String(side === name));
        find(name).textContent = blind ? (name === "a" ? "X" : "Y") : name.toUpperCase();
      }
      find("blind").setAttribute("aria-pressed", String(blind));
      find("match").setAttribute("aria-pressed", String(matched));
      find("align")?.setAttribute("aria-pressed", String(aligned));
      for (const row of all(".row", line)) row.classList.toggle("muted", !blind && !row.classList.contains(`side-${side}`));
      find("play").textContent = say(running ? "Stop" : "Play");
    };
    const setGains = (now) => {
      if (!running) return;
      for (const name of ["a", "b"]) {
        const target = real(side) === name ? gain(name) : 0;
        const param = running[name].level.gain;
        param.cancelScheduledValues(now);
        param.setValueAtTime(param.value, now);
        param.linearRampToValueAtTime(target, now + FADE_S);
      }
    };
    const stop = () => {
      if (!running) return;
      const ending = running;
      from_s = 0;
      running = null;
      for (const { source } of [ending.a, ending.b]) { source.onended = null; source.stop(); }
      draw();
      show();
    };
    const start = async (first_s = 0) => {
      try {
        context ??= new AudioContext();
        await context.resume();
        buffers ??= { a: await decoded(context, data.a), b: await decoded(context, data.b) };
      } catch (error) {
        status.textContent = `${say("Cannot switch here. Use the players below.")} (${error.message})`;
        return;
      }
      all("audio").forEach((audio) => audio.pause());
      switches.forEach((one) => { one.stop(); one.used = false; });
      handle.used = true;
      last = { toggle: () => doIt("play"), seek: (by_s) => seek(position_s() + by_s) };
      const at = context.currentTime + 0.03;
      running = {};
      for (const name of ["a", "b"]) {
        const source = new AudioBufferSourceNode(context, { buffer: buffers[name] });
        const level = new GainNode(context, { gain: 0 });
        source.connect(level).connect(context.destination);
        source.start(at, onset[name] - lead + first_s);
        running[name] = { source, level };
      }
      begun_s = at;
      from_s = first_s;
      running[longer].source.onended = stop;
      draw();
      setGains(at - 0.01);
      show();
    };
    const seek = (to_s) => { start(Math.min(Math.max(0, to_s), length_s - 0.1)); };
    line.addEventListener("click", (event) => {
      const place = line.getBoundingClientRect();
      seek(((event.clientX - place.left) / place.width) * length_s);
    });
    const act = {
      play: () => (running ? stop() : start()),
      a: () => { side = "a"; },
      b: () => { side = "b"; },
      match: () => { matched = !matched; },
      align: () => {
        // The reply that is heard goes on where it is.
        const playing = running !== null, in_clip_s = position_s() + onset[real(side)] - lead;
        stop();
        aligned = !aligned;
        layOut();
        if (playing) seek(in_clip_s - onset[real(side)] + lead);
        draw();
      },
      blind: () => {
        if (blind) {
          status.textContent = `X = ${real("a").toUpperCase()}, Y = ${real("b").toUpperCase()}`;
          side = real(side);
          swapped = false;
        } else {
          // It begins again with X, because a switch that can be heard would reveal which is which.
          const playing = running !== null;
          stop();
          swapped = Math.random() < 0.5;
          side = "a";
          if (playing) start();
          status.textContent = say("X and Y are A and B in an order that is not shown. Press Blind again to learn which.");
        }
        blind = !blind;
      },
    };
    const doIt = (name) => { act[name](); if (context) setGains(context.currentTime); show(); };
    box.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button) doIt(button.dataset.do);
    });
    box.addEventListener("keydown", (event) => {
      const name = letters[event.key], by_s = { ArrowLeft: -0.5, ArrowRight: 0.5 }[event.key];
      if (!(name || by_s) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      if (name) doIt(name);
      else seek(position_s() + by_s);
    });
    const letters = { " ": "play", a: "a", b: "b", x: "blind" };
    layOut();
    draw();
    const handle = { stop, used: false, key: (letter) => doIt(letters[letter]) };
    show();
    return handle;
  }
})();
