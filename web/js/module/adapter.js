// The GPU that the browser offers, and whether it is a software adapter.

/**
 * @param {{ powerPreference?: "low-power" | "high-performance" }} [options] what `requestAdapter` takes
 * @returns {Promise<{ name: string, software: boolean } | undefined>} `undefined` if the browser offers none
 */
export async function offered(options) {
  const found = await /** @type {any} */ (navigator).gpu?.requestAdapter(options).catch(() => null);
  if (!found) return undefined;
  const { vendor, architecture, device, description, isFallbackAdapter } = found.info ?? {};
  const name = [vendor, architecture, device, description].filter(Boolean).join(" ") || "unnamed";
  const software = Boolean(isFallbackAdapter || found.isFallbackAdapter || /swiftshader|llvmpipe|basic render/i.test(name));
  return { name, software };
}

/** Its name for people. @param {{ name: string, software: boolean }} adapter */
export function described({ name, software }) {
  return software ? `${name} (software)` : name;
}
