// How fast a training goes, and how long it will still take.

/** So many steps back tell the pace. */
const RECENT = 12;

export class Pace {
  #planned;
  #done = 0;
  #stage = "";
  #epoch = 0;
  #epochs = 0;
  #perEpoch = 1;
  #inStage = 0;
  /** @type {number[]} */
  #recent = [];
  /** @type {number | undefined} */
  #last;

  /** Milliseconds of a step by stage, as far as they are known before. @type {Record<string, number>} */
  #expected;
  /** @type {Record<string, number>} */
  #left;

  /** @param {[number, number]} steps of each stage @param {Record<string, number>} [expected] milliseconds of a step */
  constructor([amplify, distill], expected = {}) {
    this.#planned = amplify + distill;
    this.#left = { amplify, distill };
    this.#expected = expected;
  }

  /** @param {{ stage: string, epoch: number, epochs: number, steps: number }} begun */
  begin({ stage, epoch, epochs, steps }) {
    [this.#stage, this.#epoch, this.#epochs, this.#perEpoch, this.#inStage] = [stage, epoch, epochs, steps, epoch * steps];
    this.#recent = [];
    this.interrupt();
  }

  /** @param {number} ms since the training began */
  step(ms) {
    this.#done++;
    this.#left[this.#stage]--;
    this.#inStage++;
    this.#epoch = Math.ceil(this.#inStage / this.#perEpoch);
    // The first of a stage compiles; one after a pause has waited.
    if (this.#last !== undefined) this.#recent.push(ms - this.#last);
    if (this.#recent.length > RECENT) this.#recent.shift();
    this.#last = ms;
  }

  /** What comes next has not been waited for. */
  interrupt() {
    this.#last = undefined;
  }

  share() {
    return this.#planned ? this.#done / this.#planned : 0;
  }

  words() {
    const stage = this.#stage === "amplify" ? "Stage 1 of 2, learning to notice anomalies" : "Stage 2 of 2, learning what is normal";
    const where = `${stage}: epoch ${Math.max(1, this.#epoch)} of ${this.#epochs}`;
    const left = this.left();
    return left === undefined ? where : `${where}, about ${duration(left / 1000)} left`;
  }

  /** Milliseconds until it is done, if that can be told. */
  left() {
    if (this.#recent.length === 0) return undefined;
    const each = this.#recent.reduce((sum, ms) => sum + ms, 0) / this.#recent.length;
    // The other stage's steps take a time of their own.
    const other = this.#stage === "amplify" ? this.#left.distill * (this.#expected.distill ?? each / 2) : 0;
    return each * Math.max(0, this.#left[this.#stage]) + other;
  }
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}
