// A strip of panels as one picture, for slides.

import { download, make } from "../dom.js";
import { context } from "../paint.js";

/** @typedef {import("./panel.js").Panel} Panel */

const [SIDE, GAP, HEAD, FOOT] = [320, 24, 34, 40];

/**
 * Buttons that save the panels shown.
 * @param {() => Panel[]} panels
 * @param {string} name of the file, without ending
 */
export function savers(panels, name) {
  const save = (/** @type {"png" | "svg"} */ kind) => async () => {
    const shown = panels().filter(({ root }) => root.isConnected && root.checkVisibility());
    if (shown.length === 0) return;
    download(kind === "png" ? await png(shown) : vector(shown), `${name}.${kind}`);
  };
  return [
    make("button", { type: "button", onclick: save("png") }, "Save panels (PNG)"),
    make("button", { type: "button", onclick: save("svg") }, "Save panels (SVG)"),
  ];
}

/** @param {Panel[]} panels */
const size = (panels) => [panels.length * SIDE + (panels.length + 1) * GAP, HEAD + SIDE + FOOT + GAP];

/** @param {Panel[]} panels @returns {Promise<Blob>} */
function png(panels) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = size(panels).map((value) => 2 * value);
  const on = context(canvas);
  on.scale(2, 2);
  on.fillStyle = "#fff";
  on.fillRect(0, 0, canvas.width, canvas.height);
  panels.forEach(({ title, legend, canvas: drawn }, i) => {
    const x = GAP + i * (SIDE + GAP);
    on.imageSmoothingEnabled = drawn.classList.contains("smooth");
    on.drawImage(drawn, x, HEAD, SIDE, SIDE);
    on.fillStyle = "#1d1b20";
    on.font = "600 16px system-ui, sans-serif";
    on.textAlign = "left";
    on.fillText(title, x, HEAD - 10, SIDE);
    if (!legend) return;
    on.imageSmoothingEnabled = true;
    on.drawImage(ramp(legend.colors), x, HEAD + SIDE + 8, SIDE, 8);
    on.font = "13px system-ui, sans-serif";
    on.fillText(legend.words[0], x, HEAD + SIDE + 32, SIDE / 2);
    on.textAlign = "right";
    on.fillText(legend.words[1], x + SIDE, HEAD + SIDE + 32, SIDE / 2);
  });
  return new Promise((done, failed) => canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error("the browser could not make the picture")))));
}

/** @param {Panel[]} panels */
function vector(panels) {
  const [width, height] = size(panels);
  const text = (/** @type {string} */ words) => words.replace(/[&<>]/g, (letter) => `&#${letter.charCodeAt(0)};`);
  const parts = panels.map(({ title, legend, canvas }, i) => {
    const x = GAP + i * (SIDE + GAP);
    const how = canvas.classList.contains("smooth") ? "auto" : "pixelated";
    const under = legend ? `<image href="${ramp(legend.colors).toDataURL()}" x="${x}" y="${HEAD + SIDE + 8}" width="${SIDE}" height="8" preserveAspectRatio="none"/>`
      + `<text x="${x}" y="${HEAD + SIDE + 32}" font-size="13">${text(legend.words[0])}</text>`
      + `<text x="${x + SIDE}" y="${HEAD + SIDE + 32}" font-size="13" text-anchor="end">${text(legend.words[1])}</text>` : "";
    return `<text x="${x}" y="${HEAD - 10}" font-size="16" font-weight="600">${text(title)}</text>`
      + `<image href="${canvas.toDataURL()}" x="${x}" y="${HEAD}" width="${SIDE}" height="${SIDE}" style="image-rendering:${how}"/>${under}`;
  });
  const markup = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" fill="#1d1b20"><rect width="100%" height="100%" fill="#fff"/>${parts.join("")}</svg>\n`;
  return new Blob([markup], { type: "image/svg+xml" });
}

/** A color scale, a pixel each. @param {Uint8Array} colors */
function ramp(colors) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [256, 1];
  const pixels = new ImageData(256, 1);
  for (let i = 0; i < 256; i++) pixels.data.set([colors[3 * i], colors[3 * i + 1], colors[3 * i + 2], 255], 4 * i);
  context(canvas).putImageData(pixels, 0, 0);
  return canvas;
}
