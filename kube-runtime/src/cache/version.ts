/**
 * Orders two resourceVersions. Kubernetes promises this for its own storage since 1.35; servers that use other text get undefined, and
 * callers then take the order of arrival.
 */
export function compareVersions(a: string | undefined, b: string | undefined): number | undefined {
  if (a === undefined || b === undefined || !/^\d+$/.test(a) || !/^\d+$/.test(b)) return undefined;
  if (a.length !== b.length) return a.length - b.length;
  return a === b ? 0 : a < b ? -1 : 1;
}
