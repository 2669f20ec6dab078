// Names of files: told apart, and such that every system takes them.

/** What Windows keeps for its devices, whatever the ending. */
const DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;
/** Some of the 255 bytes of a name are for endings and numbers. */
const LONGEST = 200;

/** Gives out names, each only once: without regard to case and to how accents are written, as Windows and macOS do. */
export class Names {
  #taken = new Set();

  /** @param {string} name @returns {string} the same, or with a number where it is taken */
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

/** A name without what some system does not allow in one. @param {string} name @param {string} otherwise where nothing is left */
export function safe(name, otherwise) {
  // Marks of format are invisible, and can turn a name around.
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
