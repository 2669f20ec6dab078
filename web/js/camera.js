// Pictures from a camera.

import { $ } from "./dom.js";
import { INSECURE } from "./state.js";

/** @param {(files: { name: string, file: Blob }[]) => Promise<void>} take */
export function wire(take) {
  const dialog = $("camera");
  /** @type {HTMLVideoElement} */
  const video = $("camera-video");
  let count = 0;

  $("open-camera").onclick = async () => {
    dialog.showModal();
    $("take-picture").disabled = true;
    try {
      if (!navigator.mediaDevices) throw new Error(INSECURE ? "this page was not served securely" : "this browser offers none");
      const wanted = { video: { facingMode: "environment", width: { ideal: 1280 } }, audio: false };
      const stream = await navigator.mediaDevices.getUserMedia(wanted);
      if (!dialog.open) return stop(stream);
      video.srcObject = stream;
      await video.play();
      $("take-picture").disabled = false;
      $("camera-words").textContent = "Pictures stay on this device.";
      video.hidden = false;
    } catch (error) {
      video.hidden = true;
      $("camera-words").textContent = `No picture from a camera: ${reason(error)}.`;
    }
  };
  $("take-picture").onclick = async () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext("2d")?.drawImage(video, 0, 0);
    /** @type {Blob | null} */
    const file = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    if (file) await take([{ name: `camera-${++count}.png`, file }]);
  };
  $("close-camera").onclick = () => dialog.close();
  dialog.addEventListener("close", () => {
    stop(/** @type {MediaStream | null} */ (video.srcObject));
    video.srcObject = null;
  });
}

/** Browsers' own words for it are for programmers. @param {any} error */
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
