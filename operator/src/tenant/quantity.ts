const binary: Readonly<Record<string, number>> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60 };
const decimal: Readonly<Record<string, number>> = { n: 1e-9, u: 1e-6, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 };

/**
 * A Kubernetes quantity as a number, to tell the larger of two: `500m` is 0.5, `1Ki` is 1024. Good to 15 digits.
 * NaN for what is no quantity; the API server has refused those before.
 */
export function quantityValue(text: string): number {
  const match = /^([+-]?[0-9.]+(?:[eE][-+]?[0-9]+)?)([KMGTPE]i|[numkMGTPE])?$/.exec(text);
  if (match?.[1] === undefined) return Number.NaN;
  const suffix = match[2] ?? '';
  return Number(match[1]) * (binary[suffix] ?? decimal[suffix] ?? 1);
}
