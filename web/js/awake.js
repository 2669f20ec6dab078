// Keeps the device awake during long computations, if the browser can.

/** The running jobs. @type {Set<string>} */
const jobs = new Set();
/** @type {any} */
let lock;
let asking = false;

/** @param {string} job @param {boolean} on whether it is running */
export function stayAwake(job, on) {
  if (on) jobs.add(job);
  else jobs.delete(job);
  settle();
}

async function settle() {
  if (asking) return;
  if (jobs.size && (!lock || lock.released)) {
    asking = true;
    // Refused if the battery is low or the page is hidden: then the device may sleep.
    lock = await /** @type {any} */ (navigator).wakeLock?.request("screen").catch(() => undefined);
    asking = false;
  }
  if (!jobs.size) {
    const done = lock;
    lock = undefined;
    await done?.release().catch(() => undefined);
  }
}

// A page that becomes hidden loses the lock.
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") settle();
});
