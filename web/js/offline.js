// The service worker: the page works without a connection, and a new version waits until it is wanted.

import { $ } from "./dom.js";
import { atStake, leaveAnyway, othersAtStake } from "./leave.js";

/** The version that waits. @type {ServiceWorker | undefined} */
let waiting;
/** Another tab took the new version: this one is an old page beside new modules. */
let replaced = false;
/** Whether the person heard what is lost. */
let warned = false;

export async function register() {
  const workers = navigator.serviceWorker;
  if (!workers) return;
  // The first worker of all is no update, and its coming replaces nothing.
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
    // Not served securely, or forbidden: then it works as long as the connection does.
  }
}

/** What the offer says; nothing while a training would be lost. */
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
  // It may have taken over already, by way of another tab.
  if (replaced || waiting?.state !== "installed") reload();
  else waiting.postMessage("take over");
}

function reload() {
  leaveAnyway();
  location.reload();
}
