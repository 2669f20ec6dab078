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

  /** @param {[number, number]} steps of each stage */
  constructor([amplify, distill]) {
    this.#planned = amplify + distill;
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
    const stage = this.#stage === "amplify" ? "Stage 1, amplify anomalies" : "Stage 2, distil normality";
    const where = `${stage}: epoch ${Math.max(1, this.#epoch)} of ${this.#epochs}`;
    if (this.#recent.length === 0) return where;
    const each = this.#recent.reduce((sum, ms) => sum + ms, 0) / this.#recent.length;
    const rate = each < 1000 ? `${(1000 / each).toFixed(1)} steps/s` : `${(each / 1000).toFixed(1)} s a step`;
    return `${where}, ${rate}, about ${duration((each * (this.#planned - this.#done)) / 1000)} left`;
  }
}

/** @param {number} seconds */
function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}
