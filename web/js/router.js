// The places of the page and their addresses: `#inspect`, `#train`, `#inside`, each followed by its own path and
// query, as in `#inside/step-3?level=2`. Going to another place hides this one and leaves everything in it.

import { $ } from "./dom.js";

/** @typedef {"inspect" | "train" | "inside"} Place */
/**
 * @typedef {object} Address
 * @property {Place} place
 * @property {string[]} path the parts after the place, between slashes
 * @property {URLSearchParams} query
 */

/** @type {Record<Place, string>} */
const TITLES = { inspect: "Inspect", train: "Train", inside: "Look inside" };
/** The page's own title, used for the first place. */
const TITLE = document.title;
const PLACES = /** @type {Place[]} */ (Object.keys(TITLES));

/** @type {Address} */
let current = { place: "inspect", path: [], query: new URLSearchParams() };
/** How each place was left: its address and scroll position. @type {Map<Place, { hash: string, top: number }>} */
const left = new Map();
/** @type {Map<Place, ((address: Address) => void)[]>} */
const listeners = new Map();

/** The address of a hash; `undefined` if it is not one of the page's. @param {string} hash @returns {Address | undefined} */
export function read(hash) {
  const [, place, path, query] = /^#([a-z]+)(?:\/([^?]*))?(?:\?(.*))?$/.exec(hash) ?? [];
  if (!PLACES.includes(/** @type {Place} */ (place))) return undefined;
  const parts = (path ?? "").split("/").filter(Boolean).map(decoded);
  return { place: /** @type {Place} */ (place), path: parts, query: new URLSearchParams(query ?? "") };
}

/** @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** @param {Place} place @param {string[]} path @param {Record<string, string> | URLSearchParams} query */
export function write(place, path = [], query = {}) {
  const words = new URLSearchParams(query).toString();
  return `#${[place, ...path.map(encodeURIComponent)].join("/")}${words && `?${words}`}`;
}

/** Where the page is now. */
export const here = () => current;

/**
 * Goes to a place; without a path and a query, to where it was left.
 * @param {Place} place
 * @param {string[]} [path]
 * @param {Record<string, string> | URLSearchParams} [query]
 * @param {{ replace?: boolean }} [how] `replace`: Back does not return to the present address
 */
export function go(place, path, query, { replace = false } = {}) {
  const known = left.get(place)?.hash;
  const hash = path || query ? write(place, path, query) : (place === current.place ? location.hash : known) || write(place);
  if (hash !== location.hash) history[replace ? "replaceState" : "pushState"](null, "", hash);
  follow();
}

/** Calls `listener` whenever the page comes to an address of this place. @param {Place} place @param {(address: Address) => void} listener */
export function on(place, listener) {
  listeners.set(place, [...listeners.get(place) ?? [], listener]);
  if (current.place === place) listener(current);
}

/** Follows the address from now on. */
export function start() {
  // Each place keeps its own scroll position, since the browser's would be that of another place.
  history.scrollRestoration = "manual";
  addEventListener("hashchange", follow);
  addEventListener("popstate", follow);
  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll("[data-go]"))) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      go(/** @type {Place} */ (link.dataset.go));
    });
  }
  // The link that skips the navigation is not an address.
  document.querySelector(".skip")?.addEventListener("click", (event) => {
    event.preventDefault();
    $("main").focus();
  });
  show(undefined);
}

function follow() {
  show(current.place);
}

/** @param {Place | undefined} before the place that was left */
function show(before) {
  // Without a hash, show the first place; an unknown hash changes nothing.
  const address = read(location.hash || "#inspect");
  if (!address && before) return;
  current = address ?? current;
  const { place } = current;
  if (before && before !== place) left.set(before, { hash: left.get(before)?.hash ?? "", top: scrollY });
  left.set(place, { hash: location.hash || write(place), top: left.get(place)?.top ?? 0 });
  for (const part of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-place]"))) {
    part.hidden = part.dataset.place !== place;
  }
  for (const link of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("nav [data-go]"))) {
    if (link.dataset.go === place) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.documentElement.dataset.at = place;
  document.title = place === "inspect" ? TITLE : `${TITLES[place]} · aand`;
  if (before !== place) scrollTo(0, left.get(place)?.top ?? 0);
  for (const listener of listeners.get(place) ?? []) listener(current);
}
