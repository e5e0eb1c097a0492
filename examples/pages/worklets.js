// Processors that run on the audio thread.

// Microphone → batches of 50 ms.
registerProcessor("batches", class extends AudioWorkletProcessor {
  batch = new Float32Array(sampleRate / 20);
  filled = 0;

  process([[channel]]) {
    for (const sample of channel ?? []) {
      this.batch[this.filled++] = sample;
      if (this.filled === this.batch.length) {
        this.port.postMessage(this.batch);
        this.filled = 0;
      }
    }
    return true;
  }
});

// Ring buffer → output. Begins to play when `lead` samples wait, or when the reply is complete.
registerProcessor("ring", class extends AudioWorkletProcessor {
  constructor({ processorOptions: { seconds, lead, short } }) {
    super();
    this.ring = new Float32Array(seconds * sampleRate);
    this.lead = lead * sampleRate;
    this.short = short;  // samples that are forgotten each time the ring is full: a fault
    this.flush();
    this.port.onmessage = ({ data }) => {
      if (data.samples) data.samples.forEach((sample) => this.put(sample));
      else if (data.complete) this.playing = this.waiting > 0;
      else this.flush();
    };
  }

  flush() {
    this.read = this.write = this.waiting = 0;
    this.playing = false;
  }

  put(sample) {
    this.ring[this.write] = sample;
    this.write = this.write + 1 >= this.ring.length - this.short ? 0 : this.write + 1;
    if (this.waiting < this.ring.length) this.waiting++;
    else this.read = this.write;
    if (this.waiting >= this.lead) this.playing = true;
  }

  process(_inputs, [[output]]) {
    for (let index = 0; this.playing && index < output.length; index++) {
      output[index] = this.ring[this.read];
      this.read = (this.read + 1) % this.ring.length;
      this.playing = --this.waiting > 0;
    }
    return true;
  }
});
