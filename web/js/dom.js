// Finds elements by id, and makes new ones.

/** @param {string} id @returns {any} */
export const $ = (id) => document.getElementById(id);

/**
 * A new element.
 * @param {string} tag
 * @param {Record<string, any>} [properties] set on the element; `class` and names with a dash become attributes
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function make(tag, properties = {}, ...children) {
  const element = /** @type {any} */ (document.createElement(tag));
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class" || name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

// How long each announcement stands alone: two in one moment, and a screen reader hears only the last.
const APART = 400;
/** @type {string[]} */
const unsaid = [];
let saying = 0;
/** Tells screen readers something, after what they are still to be told. @param {string} words */
export function announce(words) {
  unsaid.push(words);
  saying ||= setInterval(speak, APART);
}

function speak() {
  const words = unsaid.shift();
  if (words !== undefined) {
    $("announcer").textContent = words;
    return;
  }
  clearInterval(saying);
  saying = 0;
}

/** @param {number} bytes */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Whether an element that had the focus can no longer have it. @param {Element | null} element */
export const gone = (element) => element !== null && element !== document.body && (element.matches(":disabled") || element.closest("[hidden]") !== null);

/** A number of things in words. @param {number} count @param {string} thing */
export const counted = (count, thing) => `${count} ${thing}${count === 1 ? "" : "s"}`;

/** Shows words in an element, or hides it if there are none. @param {string} id @param {string} words */
export function say(id, words) {
  const place = $(id);
  // Setting the same words again would make a screen reader read them again.
  if (place.textContent !== words) place.textContent = words;
  place.hidden = !words;
}

/** Copies words; returns whether the browser allowed it. @param {string} words */
export async function copy(words) {
  try {
    await navigator.clipboard.writeText(words);
    return true;
  } catch {
    // Not served securely, or not allowed: use the old way, which needs an element in the open dialog.
    const place = make("textarea", { value: words, class: "visually-hidden", "aria-hidden": "true" });
    (document.querySelector("dialog[open]") ?? document.body).append(place);
    place.select();
    const copied = document.execCommand("copy");
    place.remove();
    return copied;
  }
}

/** @param {Blob} blob @param {string} name */
export function download(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
