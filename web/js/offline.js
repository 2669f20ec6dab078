// The service worker: the page works without a connection, and a new version waits until the person wants it.

import { $ } from "./dom.js";
import { atStake, leaveAnyway, othersAtStake } from "./leave.js";

/** The waiting version. @type {ServiceWorker | undefined} */
let waiting;
/** Whether another tab has activated the new version, which makes this an old page with new modules. */
let replaced = false;
/** Whether the person was told what would be lost. */
let warned = false;

export async function register() {
  const workers = navigator.serviceWorker;
  if (!workers) return;
  // The very first worker is not an update and replaces nothing.
  const old = workers.controller !== null;
  let controlled = old;
  workers.addEventListener("controllerchange", () => {
    if (!controlled) {
      controlled = true;
      return;
    }
    replaced = true;
    if (warned || !atStake()) reload();
    else show();
  });
  $("update-now").onclick = take;
  addEventListener("aand-risk", show);
  try {
    const registration = await workers.register(new URL("../service-worker.js", import.meta.url));
    const offer = (/** @type {ServiceWorker | null} */ worker) => {
      if (!old || worker?.state !== "installed") return;
      waiting = worker;
      show();
    };
    offer(registration.waiting);
    registration.addEventListener("updatefound", () => {
      const worker = registration.installing;
      worker?.addEventListener("statechange", () => offer(worker));
    });
    await workers.ready;
    $("offline-words").textContent = "It also works offline.";
  } catch {
    // Not served securely, or forbidden: then the page works only with a connection.
  }
}

/** The words of the offer; empty while a training would be lost. */
function show() {
  const lost = atStake();
  warned = warned && lost !== "";
  $("update").hidden = !(waiting || replaced) || /training/.test(lost);
  $("update-words").textContent = warned ? `Here ${lost}; a new version starts afresh.`
    : replaced ? "A new version was taken in another tab; this one must be reloaded to go on." : "A new version is ready.";
  $("update-now").textContent = warned ? "Reload anyway" : "Reload";
}

async function take() {
  if (atStake() && !warned) {
    warned = true;
    return show();
  }
  if (!replaced && await othersAtStake()) {
    $("update-words").textContent = "In another tab of this page something is not saved yet; save it or close that tab first.";
    return;
  }
  warned = true;
  // It may already have taken over through another tab.
  if (replaced || waiting?.state !== "installed") reload();
  else waiting.postMessage("take over");
}

function reload() {
  leaveAnyway();
  location.reload();
}
