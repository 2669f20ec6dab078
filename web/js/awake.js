// Keeps the device from going to sleep while something long is computed, where the browser can.

/** What is under way. @type {Set<string>} */
const jobs = new Set();
/** @type {any} */
let lock;
let asking = false;

/** @param {string} job @param {boolean} on whether it is under way */
export function stayAwake(job, on) {
  if (on) jobs.add(job);
  else jobs.delete(job);
  settle();
}

async function settle() {
  if (asking) return;
  if (jobs.size && (!lock || lock.released)) {
    asking = true;
    // Refused when the battery is low, or while the page is not in sight: then the device sleeps as it likes.
    lock = await /** @type {any} */ (navigator).wakeLock?.request("screen").catch(() => undefined);
    asking = false;
  }
  if (!jobs.size) {
    const done = lock;
    lock = undefined;
    await done?.release().catch(() => undefined);
  }
}

// A page that goes out of sight loses it.
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") settle();
});
