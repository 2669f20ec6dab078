// The camera: every view is judged at once, kept on request, or learned from while a button is held.

import { $, counted, make, say } from "./dom.js";
import { heat, positions } from "./paint.js";
import { verdict } from "./pictures.js";
import { INSECURE, page, said } from "./state.js";

/** Longer side in pixels of a view that is judged; kept pictures have full resolution. */
const SEEN = 640;
/** Milliseconds between two pictures while the button is held: time to move the part a little. */
export const BETWEEN_MS = 350;
const NO_MODEL = "There is no model yet: hold the button below while you move a good part a little, and learn from that.";

/** @typedef {{ name: string, file: Blob }} Taken */

/** @param {{ keep: (files: Taken[]) => unknown, learn: (files: Taken[]) => Promise<number>, train: () => void }} to */
export function wire({ keep, learn, train }) {
  const dialog = $("camera");
  /** @type {HTMLVideoElement} */
  const video = $("camera-video");
  let count = 0;
  let paused = false;
  let learning = 0;
  let looks = 0;
  /** Times of the last views, for the frames per second. @type {number[]} */
  let times = [];

  $("open-camera").onclick = async () => {
    dialog.showModal();
    ready(false);
    paused = false;
    $("camera-pause").textContent = "Pause";
    clear();
    try {
      if (!navigator.mediaDevices) throw new Error(INSECURE ? "this page was not served securely" : "this browser offers none");
      const wanted = { video: { facingMode: "environment", width: { ideal: 1280 } }, audio: false };
      const stream = await navigator.mediaDevices.getUserMedia(wanted);
      if (!dialog.open) return stop(stream);
      video.srcObject = stream;
      await video.play();
      ready(true);
      $("camera-words").textContent = page.detector ? "" : NO_MODEL;
      look();
    } catch (error) {
      $("camera-words").textContent = `No picture from a camera: ${reason(error)}.`;
    }
  };

  /** @param {boolean} on whether there is a picture */
  function ready(on) {
    $("camera-place").hidden = !on;
    for (const id of ["take-picture", "camera-pause", "camera-learn"]) $(id).disabled = !on;
    $("take-picture").disabled = !on || !page.detector;
    $("camera-pause").disabled = !on || !page.detector;
  }

  // Another model, or the first.
  addEventListener("aand-model", () => {
    if (!dialog.open || !video.srcObject) return;
    ready(true);
    clear();
    if ($("camera-words").textContent === NO_MODEL) $("camera-words").textContent = "";
    look();
  });

  /** Judges view after view, as fast as the device can, until it is called again for another model. */
  async function look() {
    const stream = video.srcObject;
    const detector = page.detector;
    const turn = ++looks;
    const goesOn = () => dialog.open && video.srcObject === stream && turn === looks;
    while (detector && stream && goesOn()) {
      if (paused || learning) {
        await frame();
        continue;
      }
      try {
        const found = await detector.detect(view(), { name: "the camera’s view" });
        if (paused || !goesOn()) continue;
        show(found);
        times = [...times.slice(-8), performance.now()];
      } catch (error) {
        if (!goesOn()) return;
        $("camera-words").textContent = said(error);
        await new Promise((later) => setTimeout(later, 1000));
      }
      await frame();
    }
  }

  /** The pixels of the present view. */
  function view() {
    const scale = Math.min(1, SEEN / Math.max(video.videoWidth, video.videoHeight));
    const [width, height] = [video.videoWidth, video.videoHeight].map((side) => Math.max(1, Math.round(side * scale)));
    const canvas = new OffscreenCanvas(width, height);
    const on = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
    on.drawImage(video, 0, 0, width, height);
    return on.getImageData(0, 0, width, height);
  }

  /** @param {import("./module/protocol.js").Found} found */
  function show(found) {
    const { detector, threshold } = page;
    if (!detector) return;
    const { kind, words } = verdict(found.score, threshold);
    const place = $("camera-score");
    place.className = `verdict ${kind}`;
    $("camera-number").textContent = found.score.toFixed(2);
    $("camera-verdict").textContent = words;
    const [first] = times;
    const rate = times.length > 1 ? (1000 * (times.length - 1)) / ((times.at(-1) ?? 0) - first) : 0;
    say("camera-rate", `threshold ${threshold.toFixed(2)}${rate ? `, ${rate < 10 ? rate.toFixed(1) : Math.round(rate)} views a second` : ""}`);
    const { side, map } = found;
    const seen = heat(/** @type {any} */ ({ positions: positions(map, detector.info.threshold.value), side }), detector.colors, true);
    const canvas = $("camera-heat");
    const rows = map.length / side;
    if (canvas.width !== side || canvas.height !== rows) [canvas.width, canvas.height] = [side, rows];
    const on = canvas.getContext("2d");
    on.clearRect(0, 0, side, rows);
    on.drawImage(seen, 0, 0);
  }

  function clear() {
    times = [];
    $("camera-score").className = "verdict none";
    $("camera-number").textContent = "–";
    $("camera-verdict").textContent = page.detector ? "Looking" : "No model";
    say("camera-rate", "");
    $("camera-heat").getContext("2d").clearRect(0, 0, 1e4, 1e4);
  }

  /** The whole view as a file. @param {string} called @returns {Promise<Taken[]>} */
  async function taken(called) {
    const canvas = make("canvas", { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d")?.drawImage(video, 0, 0);
    /** @type {Blob | null} */
    const file = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    return file ? [{ name: `${called}-${++count}.png`, file }] : [];
  }

  $("take-picture").onclick = async () => {
    const files = await taken("camera");
    await keep(files);
    if (files.length) $("camera-words").textContent = `${files[0].name} is among the pictures.`;
  };
  $("camera-pause").onclick = () => {
    paused = !paused;
    if (paused) video.pause();
    else video.play();
    times = [];
    $("camera-pause").textContent = paused ? "Go on" : "Pause";
  };

  // Held by pointer or key; releasing it anywhere ends it.
  const hold = $("camera-learn");
  const begin = async () => {
    if (learning || hold.disabled) return;
    const turn = learning = performance.now();
    hold.setAttribute("aria-pressed", "true");
    while (learning === turn && dialog.open) {
      const all = await learn(await taken("good"));
      $("camera-words").textContent = `${counted(all, "good picture")} to learn from.${all < 5 ? "" : " Let go, and learn from them."}`;
      $("camera-train").hidden = all < 5;
      await new Promise((later) => setTimeout(later, BETWEEN_MS));
    }
  };
  const end = () => { learning = 0; hold.setAttribute("aria-pressed", "false"); };
  hold.addEventListener("pointerdown", begin);
  hold.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    begin();
  });
  for (const type of ["pointerup", "pointercancel", "blur"]) addEventListener(type, end);
  hold.addEventListener("keyup", end);
  hold.addEventListener("blur", end);

  $("camera-train").onclick = () => { dialog.close(); train(); };
  $("close-camera").onclick = () => dialog.close();
  dialog.addEventListener("close", () => {
    end();
    stop(/** @type {MediaStream | null} */ (video.srcObject));
    video.srcObject = null;
  });
}

/** The next frame, or soon if no frames are drawn. */
const frame = () => new Promise((next) => { requestAnimationFrame(next); setTimeout(next, 250); });

/** The browsers' own messages are meant for programmers. @param {any} error */
function reason(error) {
  /** @type {Record<string, string>} */
  const words = {
    NotFoundError: "none was found; is it connected",
    NotAllowedError: "it is not allowed; allow it in the browser’s bar of addresses",
    NotReadableError: "it gives none; is another program using it",
  };
  return words[error?.name] ?? String(error?.message ?? error);
}

/** @param {MediaStream | null} stream */
function stop(stream) {
  stream?.getTracks().forEach((track) => track.stop());
}
