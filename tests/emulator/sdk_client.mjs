// One spoken turn with Google's JavaScript SDK; prints what came as one JSON line.
import { readFileSync } from "node:fs";
import { GoogleGenAI, Modality } from "@google/genai";

const [baseUrl, wav, model, vad] = process.argv.slice(2);
const file = readFileSync(wav);
const rate = file.readUInt32LE(24);
const pcm = file.subarray(44);
const ai = new GoogleGenAI({ apiKey: "any", httpOptions: { baseUrl, apiVersion: "v1beta" } });
let bytes = 0;
const events = [];
let over;
const done = new Promise((resolve) => { over = resolve; });
const session = await ai.live.connect({
  model,
  config: { responseModalities: [Modality.AUDIO], outputAudioTranscription: {} },
  callbacks: {
    onmessage: (message) => {
      bytes += Buffer.from(message.data ?? "", "base64").length;
      const content = message.serverContent ?? {};
      for (const name of ["generationComplete", "turnComplete"]) if (content[name]) events.push(name);
      if (content.turnComplete) over();
    },
    onerror: (error) => { events.push(`error ${error.message}`); over(); },
    onclose: (event) => { events.push(`close ${event.code} ${event.reason}`); over(); },
  },
});
for (let start = 0; start < pcm.length; start += rate / 5) {
  const data = pcm.subarray(start, start + rate / 5).toString("base64");
  session.sendRealtimeInput({ audio: { data, mimeType: `audio/pcm;rate=${rate}` } });
}
await done;
session.close();
console.log(JSON.stringify({ bytes, events: events.slice(0, 2) }));
