// Keeps the device from going to sleep while something long is computed, where the browser can.

/** @type {any} */
let lock;
let wanted = false;

/** @param {boolean} on */
export async function stayAwake(on) {
  wanted = on;
  if (!on) return lock?.release().catch(() => undefined);
  await ask();
}

async function ask() {
  // Refused when the battery is low, or while the page is not in sight: then the device sleeps as it likes.
  lock = await /** @type {any} */ (navigator).wakeLock?.request("screen").catch(() => undefined);
  if (!wanted) await lock?.release().catch(() => undefined);
}

// A page that goes out of sight loses it.
document.addEventListener("visibilitychange", () => {
  if (wanted && document.visibilityState === "visible") ask();
});
