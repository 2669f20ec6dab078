// The embedded teacher, which model files may leave out: fetched once, and kept by the browser.

const ADDRESS = new URL("../../wasm/aand-teacher.safetensors", import.meta.url);

/** @type {Promise<Uint8Array> | undefined} */
let asked;

/** Its file. A failure is not remembered, since the connection may come back. @returns {Promise<Uint8Array>} */
export function teacher() {
  return asked ??= fetchTeacher().catch((error) => {
    asked = undefined;
    throw error;
  });
}

async function fetchTeacher() {
  const response = await fetch(ADDRESS).catch(() => undefined);
  if (!response?.ok) {
    const why = response ? `${response.status}` : "the connection is down";
    throw Object.assign(new Error(`the teacher's file could not be downloaded (${why}); try again`), { name: "ModelError" });
  }
  return new Uint8Array(await response.arrayBuffer());
}
