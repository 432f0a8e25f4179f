// The worker, as functions that one awaits.

export class Device {
  constructor() {
    this.worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    this.waiting = new Map();
    this.count = 0;
    this.worker.onmessage = ({ data: { id, result, error } }) => {
      const { resolve, reject } = this.waiting.get(id);
      this.waiting.delete(id);
      if (error === undefined) resolve(result);
      else reject(new Error(error));
    };
    this.worker.onerror = (event) => this.giveUp(event.message || "no worker");
  }

  /** Give the worker one of its tasks. */
  do(task, argument) {
    const id = ++this.count;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, task, argument });
    });
  }

  close() {
    this.worker.terminate();
    this.giveUp("the worker was stopped");
  }

  /** Let nobody wait for an answer that will not come. */
  giveUp(reason) {
    for (const { reject } of this.waiting.values()) reject(new Error(reason));
    this.waiting.clear();
  }
}
