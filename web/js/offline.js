// The service worker: the page works without a connection, and a new version waits until it is wanted.

import { $ } from "./dom.js";

export async function register() {
  if (!navigator.serviceWorker) return;
  let reload = false;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (reload) location.reload();
  });
  try {
    const registration = await navigator.serviceWorker.register(new URL("../service-worker.js", import.meta.url));
    const offer = () => {
      const { waiting } = registration;
      if (!waiting || !navigator.serviceWorker.controller) return;
      $("update").hidden = false;
      $("update-now").onclick = () => { reload = true; waiting.postMessage("take over"); };
    };
    offer();
    registration.addEventListener("updatefound", () => registration.installing?.addEventListener("statechange", offer));
    await navigator.serviceWorker.ready;
    $("offline-words").textContent = "It also works offline.";
  } catch {
    // Not served securely, or forbidden: then it works as long as the connection does.
  }
}
