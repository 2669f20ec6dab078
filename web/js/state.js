// What the page knows.

/** `?compute=cpu` or `?compute=gpu` insists; otherwise a GPU computes if there is a real one. */
export const COMPUTE = /** @type {any} */ (new URLSearchParams(location.search).get("compute") ?? "auto");
/** `?precision=f16`: what a GPU computes with. */
export const PRECISION = /** @type {any} */ (new URLSearchParams(location.search).get("precision") ?? "f32");

export const page = {
  /** @type {import("./aand.js").Detector | undefined} */
  detector: undefined,
  /** Its file. @type {{ file: Blob, name: string } | undefined} */
  model: undefined,
  /** Of the verdicts; the slider moves it away from the model's own. */
  threshold: 0,
  /** The right end of the threshold's slider; it stays while the slider is moved. */
  end: 1,
  /** @type {import("./pictures.js").Item | undefined} */
  selected: undefined,
  /** Cancels what runs: a download or a model, and the pictures or a ZIP. */
  running: { model: new AbortController(), job: new AbortController() },
  judging: false,
};

/** @param {unknown} error */
export const said = (error) => (error instanceof Error ? error.message : String(error));
