// Keeps one version of the page. The three lines below are filled in when the page is built.
const VERSION = "";
/** @type {string[]} */
const FILES = [];
/** Large files that are not always wanted, kept once they have been requested: the SHA-256 of this version's file, by path. @type {Record<string, string>} */
const LATER = {};

const CACHE = `aand-page-${VERSION}`;
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
  const path = request.url.slice(scope.registration.scope.length);
  // The answers of the program that serves the page are never cached.
  if (path.startsWith("api/")) return;
  // Without a connection, answer as if there were no such program.
  if (path === "program.json") return event.respondWith(fetch(request).catch(() => Response.json({})));
  event.respondWith((async () => {
    const cache = await caches.open(CACHE);
    const kept = await cache.match(request, { ignoreSearch: true });
    if (kept) return kept;
    const wanted = LATER[`./${path.split("?")[0]}`];
    return wanted ? later(event, cache, wanted) : fetch(request);
  })());
});

/** From the server, if it still has this version's file. @param {any} event @param {Cache} cache @param {string} wanted */
async function later(event, cache, wanted) {
  const answer = await fetch(event.request);
  if (!answer.ok) return answer;
  const bytes = await answer.arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  if ([...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("") !== wanted) {
    // A newer version's module does not fit this page, neither now nor later from the cache.
    return new Response("This belongs to a newer version of the page; reload it.", { status: 409 });
  }
  const whole = new Response(bytes, { headers: { "content-type": answer.headers.get("content-type") ?? "" } });
  // If there is no space for it, the page still works with a connection.
  event.waitUntil(cache.put(event.request, whole.clone()).catch(() => undefined));
  return whole;
}
