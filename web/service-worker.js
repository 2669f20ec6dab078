// Keeps one version of the page. The two lines below are filled in when the page is built.
const VERSION = "";
/** @type {string[]} */
const FILES = [];

const CACHE = `aand-page-${VERSION}`;
/** Large and not always wanted: kept once it was asked for. */
const LATER = /\/wasm\/aand-train[^/]*$/;
const scope = /** @type {any} */ (self);

scope.addEventListener("install", (/** @type {any} */ event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(CACHE);
    await cache.addAll(FILES.map((file) => new Request(file, { cache: "reload" })));
  })());
});

scope.addEventListener("activate", (/** @type {any} */ event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) {
      if (name.startsWith("aand-page-") && name !== CACHE) await caches.delete(name);
    }
    await scope.clients.claim();
  })());
});

scope.addEventListener("message", (/** @type {any} */ event) => {
  if (event.data === "take over") scope.skipWaiting();
});

scope.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(scope.registration.scope)) return;
  event.respondWith((async () => {
    const cache = await caches.open(CACHE);
    const kept = await cache.match(request, { ignoreSearch: true });
    if (kept) return kept;
    const answer = await fetch(request);
    // Without room for it the page still works, with a connection.
    if (answer.ok && LATER.test(new URL(request.url).pathname)) event.waitUntil(cache.put(request, answer.clone()).catch(() => undefined));
    return answer;
  })());
});
