// A small voice app: Node with @google/genai. Microphone and loudspeaker are the programs parec and pacat of PulseAudio.
//
//     npm install
//     node app.mjs
//     node app.mjs --fault=playback_16k
import { spawn } from "node:child_process";
import { GoogleGenAI, Modality } from "@google/genai";

// playback_16k    the loudspeaker is opened at 16 kHz and given 24 kHz audio
// capture_48k     the microphone is opened at 48 kHz, and its audio is labelled 16 kHz
// asks_for_text   the setup asks for text
// lost_chunks     every fifth chunk of the reply is lost
// wrong_bytes     the two bytes of each sample are swapped
// quiet           the reply is played at a tenth of its level
const FAULT = process.argv[2]?.replace("--fault=", "") ?? "";
const MODEL = "gemini-3.8-live";
const SENT_HZ = 16000, RECEIVED_HZ = 24000, BATCH_BYTES = 1600;
const FORMAT = ["--format=s16le", "--channels=1"];

const speaker = spawn("pacat", [
  ...FORMAT, "--playback", "--latency-msec=100", `--rate=${FAULT === "playback_16k" ? SENT_HZ : RECEIVED_HZ}`,
], { stdio: ["pipe", "inherit", "inherit"] });

let count = 0;
function play(pcm) {
  if (FAULT === "lost_chunks" && ++count % 5 === 0) return;
  if (FAULT === "wrong_bytes") pcm.swap16();
  if (FAULT === "quiet") for (let at = 0; at < pcm.length; at += 2) pcm.writeInt16LE(Math.round(pcm.readInt16LE(at) / 10), at);
  speaker.stdin.write(pcm);
}

const ai = new GoogleGenAI({ apiKey: process.env.GEMINI_API_KEY });
const session = await ai.live.connect({
  model: MODEL,
  config: { responseModalities: [FAULT === "asks_for_text" ? Modality.TEXT : Modality.AUDIO] },
  callbacks: {
    onmessage: (message) => { if (message.data) play(Buffer.from(message.data, "base64")); },
    onerror: (error) => console.error(`error: ${error.message}`),
    onclose: ({ code, reason }) => {
      console.log(`the service closed the session: ${code} ${reason}`);
      process.exit(1);
    },
  },
});

const rate = FAULT === "capture_48k" ? 48000 : SENT_HZ;
const microphone = spawn("parec", [...FORMAT, "--latency-msec=50", `--rate=${rate}`], { stdio: ["ignore", "pipe", "inherit"] });
let waiting = Buffer.alloc(0);
microphone.stdout.on("data", (pcm) => {
  waiting = Buffer.concat([waiting, pcm]);
  for (; waiting.length >= BATCH_BYTES; waiting = waiting.subarray(BATCH_BYTES)) {
    const data = waiting.subarray(0, BATCH_BYTES).toString("base64");
    session.sendRealtimeInput({ audio: { data, mimeType: `audio/pcm;rate=${SENT_HZ}` } });
  }
});
console.log("listening");
