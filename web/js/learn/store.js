// A person's progress, kept in this browser.

const KEY = "aand-lesson";

/**
 * @typedef {{ mark?: number[], choice?: number, right: boolean }} Answer
 * @typedef {{ answers: Record<string, Answer>, step: number, best: number }} Progress `best` of the game
 */

/** @returns {Progress} */
export function progress() {
  /** @type {Progress} */
  const none = { answers: {}, step: 1, best: 0 };
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "");
    return typeof found.answers === "object" && Number.isInteger(found.step) ? { ...none, ...found } : none;
  } catch {
    return none;
  }
}

/** @param {Partial<Progress>} some */
export function keep(some) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...progress(), ...some }));
  } catch {
    // A private window stores nothing; the lesson goes on.
  }
}

export function forget() {
  try {
    localStorage.removeItem(KEY);
  } catch {
    // Nothing was stored.
  }
}
