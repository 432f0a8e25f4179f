// Frame after frame: one at a time, and again while something has changed or pictures keep coming.

const FPS_FRAMES = 10;

export class Loop {
  /**
   * @param {() => Promise<void>} frame makes one and shows it.
   * @param {(error: Error) => void} failed told of what went wrong with one.
   * @param {() => boolean} goesOn whether another frame follows by itself.
   */
  constructor(frame, failed, goesOn) {
    Object.assign(this, { frame, failed, goesOn });
    this.ends = [];
    this.busy = this.again = false;
  }

  /** Make a frame, or another one if one is being made. */
  async run() {
    this.again = true;
    if (this.busy) return;
    this.setBusy(true);
    while (this.again) {
      this.again = false;
      await this.frame().catch(this.failed);
      this.again ||= this.goesOn();
      await new Promise(requestAnimationFrame);
    }
    this.setBusy(false);
  }

  /** A frame is on the screen. */
  ended() {
    this.ends.push(performance.now());
    if (this.ends.length > FPS_FRAMES) this.ends.shift();
  }

  /** Frames before this moment tell nothing of the speed of those that follow. */
  forget() {
    this.ends.length = 0;
  }

  /** Of the last frames; 0 if there is but one. */
  get framesPerSecond() {
    const { ends } = this;
    return ends.length < 2 ? 0 : (1000 * (ends.length - 1)) / (ends.at(-1) - ends[0]);
  }

  setBusy(state) {
    this.busy = state;
    document.body.dataset.busy = state ? "yes" : "no";
  }
}
