// The worker, as functions that one awaits.

const STOPPED = "the worker was stopped";

export class Device {
  constructor() {
    this.closed = false;
    this.worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    this.waiting = new Map();
    this.count = 0;
    this.worker.onmessage = ({ data: { id, result, error } }) => {
      if (!this.waiting.has(id)) return; // given up before
      const { resolve, reject } = this.waiting.get(id);
      this.waiting.delete(id);
      if (error === undefined) resolve(result);
      else reject(new Error(error));
    };
    this.worker.onerror = (event) => this.giveUp(event.message || "no worker");
  }

  /** Give the worker one of its tasks. */
  do(task, argument) {
    if (this.closed) return Promise.reject(new Error(STOPPED));
    const id = ++this.count;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, task, argument });
    });
  }

  close() {
    this.closed = true;
    this.worker.terminate();
    this.giveUp(STOPPED);
  }

  /** Let nobody wait for an answer that will not come. */
  giveUp(reason) {
    for (const { reject } of this.waiting.values()) reject(new Error(reason));
    this.waiting.clear();
  }
}
