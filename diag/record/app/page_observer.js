// Runs in every document of the page before its own scripts. It reports what the page asks of the audio interfaces, and
// changes nothing: arguments, results, errors, timing and identity of what is wrapped stay as they are. No node is added
// to the page's graph.
(() => {
  "use strict";
  const name = "__diag_report";
  const send = globalThis[name];
  if (typeof send !== "function") return;
  delete globalThis[name];
  const { apply, construct, getOwnPropertyDescriptor, defineProperty } = Reflect;
  const stringify = JSON.stringify;
  const MOST = 20000;
  let reports = 0;
  const report = (record) => {
    if (reports++ >= MOST) return;
    try {
      send(stringify(record));
    } catch {
      // What cannot be written as JSON is not reported.
    }
  };

  // A proxy has the name, length, prototype and properties of its target. Only Function.prototype.toString would tell
  // the two apart, so it answers for the target.
  const targets = new WeakMap();
  const real = (value) => targets.get(value) ?? value;
  const cleaned = (error) => {
    try {
      if (typeof error?.stack === "string" && error.stack.includes("diag-observer")) {
        error.stack = error.stack.split("\n").filter((line) => !line.includes("diag-observer")).join("\n");
      }
    } catch {
      // A frozen error stays as it is.
    }
    return error;
  };
  const wrapped = (target, seen) => {
    const proxy = new Proxy(target, {
      apply(method, self, values) {
        let result;
        try {
          result = apply(method, self, values);
        } catch (error) {
          throw cleaned(error);
        }
        try {
          seen(self, values, result);
        } catch {
          // An observer never disturbs what it observes.
        }
        return result;
      },
      construct(type, values, newTarget) {
        let result;
        try {
          result = construct(type, values, newTarget === proxy ? type : newTarget);
        } catch (error) {
          throw cleaned(error);
        }
        try {
          seen(undefined, values, result);
        } catch {
          // As above.
        }
        return result;
      },
    });
    targets.set(proxy, target);
    return proxy;
  };
  const method = (type, key, seen) => {
    const found = type?.prototype && getOwnPropertyDescriptor(type.prototype, key);
    if (typeof found?.value !== "function") return;
    defineProperty(type.prototype, key, { ...found, value: wrapped(found.value, seen) });
  };
  const type = (key, seen) => {
    const found = getOwnPropertyDescriptor(globalThis, key);
    if (typeof found?.value !== "function") return;
    const proxy = wrapped(found.value, seen);
    const own = getOwnPropertyDescriptor(found.value.prototype, "constructor");
    if (own?.value === found.value) defineProperty(found.value.prototype, "constructor", { ...own, value: proxy });
    defineProperty(globalThis, key, { ...found, value: proxy });
  };
  {
    const found = getOwnPropertyDescriptor(Function.prototype, "toString");
    const native = found.value;
    const proxy = new Proxy(native, {
      apply(target, self, values) {
        try {
          return apply(target, real(self), values);
        } catch (error) {
          throw cleaned(error);
        }
      },
    });
    targets.set(proxy, native);
    defineProperty(Function.prototype, "toString", { ...found, value: proxy });
  }

  const ids = new WeakMap();
  let last = 0;
  const id = (context) => {
    if (!ids.has(context)) ids.set(context, ++last);
    return ids.get(context);
  };
  const plain = (value) => (value === undefined ? null : JSON.parse(stringify(value)));

  if (globalThis === globalThis.top) {
    report({ k: "page", url: location.href, secure: isSecureContext, media: "mediaDevices" in navigator });
  }
  if (globalThis.MediaDevices) {
    method(MediaDevices, "getUserMedia", (self, [asked], result) => {
      const wanted = plain(asked);
      Promise.prototype.then.call(
        result,
        (stream) => {
          const track = stream.getAudioTracks()[0];
          if (track) report({ k: "microphone", asked: wanted, granted: plain(track.getSettings()), label: track.label });
        },
        (error) => report({ k: "microphone", asked: wanted, error: error?.name, message: String(error?.message) }),
      );
    });
  }
  type("AudioContext", (self, [options], context) => {
    report({ k: "context", id: id(context), asked: plain(options), rate_hz: context.sampleRate, state: context.state });
  });
  const buffer = (context_hz, made) =>
    report({ k: "buffer", rate_hz: made.sampleRate, frames: made.length, channels: made.numberOfChannels, context_hz });
  method(globalThis.BaseAudioContext, "createBuffer", (self, values, made) => buffer(self.sampleRate, made));
  type("AudioBuffer", (self, values, made) => buffer(null, made));
  const starts = new WeakMap();
  const seenStart = (source, [when]) => {
    const context = source.context;
    const played = source.buffer;
    if (!played) return;
    const now_s = context.currentTime;
    const begin_s = Math.max(when ?? 0, now_s);
    const before_s = starts.get(context);
    const end_s = begin_s + played.duration / (source.playbackRate.value || 1);
    starts.set(context, Math.max(end_s, before_s ?? 0));
    report({
      k: "start", id: id(context), context_hz: context.sampleRate, rate_hz: played.sampleRate, frames: played.length,
      ahead_s: (when ?? 0) - now_s, gap_s: before_s === undefined ? null : begin_s - before_s, looped: source.loop,
      rate: source.playbackRate.value,
    });
  };
  for (const base of ["AudioBufferSourceNode", "AudioScheduledSourceNode"]) {
    method(globalThis[base], "start", (self, values) => {
      if (self instanceof AudioBufferSourceNode) seenStart(self, values);
    });
  }
  method(globalThis.Worklet, "addModule", (self, [url]) => report({ k: "module", url: String(url).slice(0, 300) }));
  type("AudioWorkletNode", (self, [context, processor]) =>
    report({ k: "worklet", id: id(context), name: String(processor), context_hz: context.sampleRate }));
  method(globalThis.BaseAudioContext, "createScriptProcessor", (self, values, node) =>
    report({ k: "processor", id: id(self), frames: node.bufferSize, context_hz: self.sampleRate }));
})();
//# sourceURL=diag-observer.js
