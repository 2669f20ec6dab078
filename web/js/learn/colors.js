// Features as colors: the first of three axes is brightness, the other two are green to red and blue to yellow (OKLab),
// so that patches look as different as their features.

/** The range of lightness, and the distance of the two others from gray. */
const LIGHT = [0.28, 0.93];
const REACH = 0.17;

/**
 * Features along three axes as pixels.
 * @param {Float32Array} features `[3, side, side]`, 0 to 1
 * @param {number} side
 */
export function painted(features, side) {
  const area = side * side;
  const pixels = new ImageData(side, side);
  for (let i = 0; i < area; i++) {
    const [a, b, c] = [0, 1, 2].map((axis) => Math.max(0, Math.min(1, features[axis * area + i])));
    pixels.data.set([...rgb(LIGHT[0] + (LIGHT[1] - LIGHT[0]) * a, REACH * (2 * b - 1), REACH * (2 * c - 1)), 255], 4 * i);
  }
  return pixels;
}

/** OKLab to sRGB. @param {number} L @param {number} a @param {number} b */
function rgb(L, a, b) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((v) => 255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * Math.max(v, 0) ** (1 / 2.4) - 0.055));
}
