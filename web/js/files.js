// Files out of pickers, drops and the clipboard.

/** @typedef {{ name: string, file: File }} Named */

/** Systems leave these in every folder. */
const CLUTTER = /(^|\/)(\.[^/]*|Thumbs\.db|desktop\.ini|__MACOSX\/.*)$/i;
const PICTURE = /\.(jpe?g|png|bmp|tiff?|webp|gif|avif|heic)$/i;

/** @param {Iterable<File>} files @returns {Named[]} */
export function picked(files) {
  return [...files].map((file) => ({ name: file.webkitRelativePath || file.name, file }));
}

/** Only what looks like a picture or a model: for folders, in which other things may lie. @param {Named[]} files */
export function pictures(files) {
  return files.filter(({ name }) => !CLUTTER.test(name) && (PICTURE.test(name) || name.endsWith(".aand")));
}

/** All files of a drop, folders included. @param {DataTransfer} data @returns {Promise<Named[]>} */
export async function dropped(data) {
  // Both must be asked for before the first wait.
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry !== null && entry !== undefined);
  const files = picked(data.files);
  if (!entries.some((entry) => entry.isDirectory)) return files;
  const found = await Promise.all(entries.map((entry) => walk(entry)));
  return found.flat();
}

/** @param {FileSystemEntry} entry @returns {Promise<Named[]>} */
async function walk(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject));
    return [{ name: entry.fullPath.replace(/^\//, ""), file: /** @type {File} */ (file) }];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  const all = [];
  // A reader hands out a hundred at a time.
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    for (const child of some.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }))) {
      all.push(...await walk(child));
    }
  }
  return pictures(all);
}
