// The state of the page.

const asked = new URLSearchParams(location.search);
/** Why a parameter in the page's address is ignored. @type {string[]} */
export const unheard = [];

/** @param {string} name @param {string[]} values the first is the default @returns {any} */
function wish(name, values) {
  const value = asked.get(name);
  if (value === null || values.includes(value)) return value ?? values[0];
  unheard.push(`${name}=${value} in the address is none of ${values.join(", ")}; ${values[0]} is used.`);
  return values[0];
}

/** `?compute=cpu` or `?compute=gpu` insists; otherwise a GPU computes if there is a real one. @type {"auto" | "cpu" | "gpu"} */
export const COMPUTE = wish("compute", ["auto", "cpu", "gpu"]);
/** `?precision=f16`: what a GPU computes with. @type {"f32" | "f16"} */
export const PRECISION = wish("precision", ["f32", "f16"]);
/** `?learn=asked`: behind the instant detector AAND learns when it is asked to, not by itself. @type {"auto" | "asked"} */
export const LEARN = wish("learn", ["auto", "asked"]);
/** `?steps=8,14` sets the number of training steps of each stage. @type {[number, number] | undefined} */
export const STEPS = (() => {
  const value = asked.get("steps");
  if (value === null) return undefined;
  const steps = value.split(",").map(Number);
  if (/^\d+,\d+$/.test(value) && steps.every((n) => n > 0 && n <= 1e6)) return /** @type {[number, number]} */ (steps);
  unheard.push(`steps=${value} in the address is not two whole numbers such as 8,14; it is not followed.`);
  return undefined;
})();

/** What a browser withholds from a page that was not served securely. */
export const INSECURE = globalThis.isSecureContext ? ""
  : "This page came over plain http, so the browser offers it no GPU and no camera, and keeps nothing: no offline use, no kept models. Serve it by https, or open it on the serving device itself as http://localhost.";

export const page = {
  /** @type {import("./module/aand.js").Detector | undefined} */
  detector: undefined,
  /** Its file. @type {{ file: Blob, name: string } | undefined} */
  model: undefined,
  /** The threshold of the verdicts; the slider changes it from the model's own. */
  threshold: 0,
  /** The right end of the threshold's slider; it stays while the slider is moved. */
  end: 1,
  /** @type {import("./pictures.js").Item | undefined} */
  selected: undefined,
  /** Whether the person chose the selected picture; until then it is the most anomalous one. */
  chosen: false,
  /** Whether to scroll the results into view once there are any. */
  reveal: false,
  /** Cancels running work: loading a model, judging pictures, making a ZIP. */
  running: { model: new AbortController(), job: new AbortController(), zip: new AbortController() },
  judging: false,
  /** Whether this copy of the page has samples to show. */
  samples: false,
  /** Whether the person opened the samples beside results. */
  samplesWanted: false,
};

/** @param {unknown} error */
export const said = (error) => (error instanceof Error ? error.message : String(error));

/** A reason, with a remedy on the device that the picture comes from. @param {string} reason */
export const advised = (reason) => (/HEI[CF]/.test(reason)
  ? `${reason} (on an iPhone: Settings › Camera › Formats › Most Compatible)` : reason);
