// Queue of samples → output. Starts when `prebuffer` samples wait or the reply is complete; drops what exceeds `capacity`.
class PlayerProcessor extends AudioWorkletProcessor {
  constructor(options) {
    super();
    const { prebuffer, capacity } = options.processorOptions;
    this.prebuffer = prebuffer;
    this.capacity = capacity || Infinity;
    this.flush();
    this.port.onmessage = ({ data }) => {
      if (data.samples) this.add(data.samples);
      else if (data.end) this.complete = true;
      else if (data.flush) this.flush();
    };
  }

  flush() {
    this.queue = [];
    this.offset = 0;
    this.waiting = 0;
    this.playing = false;
    this.complete = false;
  }

  add(samples) {
    const room = Math.max(0, this.capacity - this.waiting);
    const kept = samples.length > room ? samples.subarray(0, room) : samples;
    if (kept.length === 0) return;
    this.queue.push(kept);
    this.waiting += kept.length;
  }

  process(_inputs, outputs) {
    const output = outputs[0][0];
    if (!this.playing && this.waiting > 0) this.playing = this.complete || this.waiting >= this.prebuffer;
    if (!this.playing) return true;
    for (let index = 0; index < output.length && this.waiting > 0; index++) {
      output[index] = this.queue[0][this.offset++];
      this.waiting--;
      if (this.offset === this.queue[0].length) {
        this.queue.shift();
        this.offset = 0;
      }
    }
    if (this.waiting === 0) {
      this.playing = false;
      this.complete = false;
    }
    return true;
  }
}

registerProcessor("player-processor", PlayerProcessor);
