// File names that are unique and that every system accepts.

/** Names that Windows reserves for devices, whatever the ending. */
const DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;
/** Of the 255 bytes of a name, some are left for endings and numbers. */
const LONGEST = 200;

/** Hands out names, each only once; case and the encoding of accents do not matter, as on Windows and macOS. */
export class Names {
  #taken = new Set();

  /** @param {string} name @returns {string} the same, or with a number if it is taken */
  add(name) {
    const [, stem, ending] = /** @type {RegExpExecArray} */ (/^(.*?)(\.[^./]*)?$/s.exec(name));
    let candidate = name;
    for (let i = 2; this.#taken.has(key(candidate)); i++) candidate = `${stem} (${i})${ending ?? ""}`;
    this.#taken.add(key(candidate));
    return candidate;
  }

  clear() {
    this.#taken.clear();
  }
}

/** @param {string} name */
const key = (name) => name.normalize("NFC").toLowerCase();

/** A name without characters that some system forbids. @param {string} name @param {string} otherwise if nothing is left */
export function safe(name, otherwise) {
  // Format characters are invisible, and can reverse a name.
  const plain = name.normalize("NFC").replace(/[\\/:*?"<>|\p{Cc}\p{Cf}]+/gu, "_").trim();
  const letters = [...plain.replace(/[. ]+$/, "")];
  while (new TextEncoder().encode(letters.join("")).length > LONGEST) letters.pop();
  const cut = letters.join("").replace(/[. ]+$/, "");
  return (DEVICE.test(cut) ? `_${cut}` : cut) || otherwise;
}

/** A safe name without folder and ending. @param {string} path */
export function stem(path) {
  return safe(path.replace(/^.*\//s, "").replace(/\.[^.]*$/s, ""), "picture");
}
