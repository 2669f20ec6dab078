// How quick a training is on this device, remembered by what it was a training of.

/** @typedef {import("./module/train-plan.js").Pace} Pace */

const KEY = "aand-paces";

/** @returns {Record<string, Pace>} */
export function knownPaces() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    // Not allowed, or not ours.
    return {};
  }
}

/** @param {string} of @param {Pace} pace */
export function learned(of, pace) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...knownPaces(), [of]: pace }));
  } catch {
    // Then it is measured again.
  }
}
