// What the example pages share: the Live session through the relay, the microphone, and conversions of samples.
export const faults = new Set((new URLSearchParams(location.search).get("fault") ?? "").split(","));

const show = (text) => { document.getElementById("status").textContent = text; };

export function floatsFromBase64(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  if (faults.has("one_byte_off")) bytes.copyWithin(0, 1);
  return Float32Array.from(new Int16Array(bytes.buffer, 0, bytes.length >> 1), (sample) => sample / 32768);
}

export function pcm16(samples) {
  return Int16Array.from(samples, (sample) => Math.round(Math.max(-1, Math.min(1, sample)) * 32767));
}

function base64(pcm) {
  return btoa(String.fromCharCode(...new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength)));
}

// Opens a session; `hears` has what the page does with `audio(base64)`, `interrupted()` and `complete()`.
export async function openSession(hears, query = "") {
  const socket = new WebSocket(`ws://${location.host}/live?${query}`);
  let isReady, isClosed;
  const ready = new Promise((resolve, reject) => { [isReady, isClosed] = [resolve, reject]; });
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.setupComplete) isReady();
    const content = message.serverContent;
    for (const part of content?.modelTurn?.parts ?? []) {
      if (part.inlineData) hears.audio(part.inlineData.data);
    }
    if (content?.interrupted) hears.interrupted?.();
    if (content?.generationComplete) hears.complete?.();
  };
  socket.onclose = ({ code, reason }) => {
    show(`Closed ${code} ${reason}`);
    isClosed(new Error(`the service closed the session: ${code} ${reason}`));
  };
  await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = reject; });
  const generationConfig = faults.has("no_modality") ? {} : { responseModalities: ["AUDIO"] };
  socket.send(JSON.stringify({ setup: { model: "models/gemini-3.8-live", generationConfig } }));
  await ready;
  return socket;
}

export function sendBatch(socket, pcm) {
  if (socket.readyState !== WebSocket.OPEN) return;
  socket.send(JSON.stringify({ realtimeInput: { audio: { data: base64(pcm), mimeType: "audio/pcm;rate=16000" } } }));
}

// Made for a headset. With loudspeakers in the room, echoCancellation must be true.
export function openMicrophone() {
  const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  return navigator.mediaDevices.getUserMedia({ audio });
}

// Sends the microphone in batches of 50 ms, which a worklet collects.
export async function sendMicrophone(socket) {
  const stream = await openMicrophone();
  const context = new AudioContext({ sampleRate: 16000 });
  await context.audioWorklet.addModule("worklets.js");
  const batches = new AudioWorkletNode(context, "batches", { numberOfOutputs: 0 });
  batches.port.onmessage = ({ data }) => sendBatch(socket, pcm16(data));
  context.createMediaStreamSource(stream).connect(batches);
}

export function onStart(work) {
  const button = document.getElementById("start");
  button.onclick = async () => {
    button.disabled = true;
    show("Connecting");
    try {
      await work();
      show("Connected");
    } catch (error) {
      console.error(error);
      show(String(error));
    }
  };
}
