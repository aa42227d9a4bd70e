/**
 * Kubernetes quantities as numbers: `1000m` is `1`, `1Gi` is `1024Mi`, `1e3` is `1k`. Exact: no floating point.
 */
interface Quantity {
  /** value = digits × 10^exponent */
  readonly digits: bigint;
  readonly exponent: number;
}

const decimalExponents: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const binaryShifts: Readonly<Record<string, bigint>> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n };
const pattern =
  /^(?<sign>[+-]?)(?<whole>\d*)\.?(?<fraction>\d*)(?:[eE](?<power>[+-]?\d{1,3})|(?<binary>[KMGTPE]i)|(?<decimal>[numkMGTPE]))?$/;

function parse(text: string): Quantity | undefined {
  const parts = pattern.exec(text)?.groups;
  if (!parts) return undefined;
  const { sign = '', whole = '', fraction = '' } = parts;
  if (whole + fraction === '') return undefined;
  const digits = BigInt(`${sign.replace('+', '')}${whole}${fraction}`) << (binaryShifts[parts['binary'] ?? ''] ?? 0n);
  return { digits, exponent: Number(parts['power'] ?? decimalExponents[parts['decimal'] ?? '']) - fraction.length };
}

/** True when both are quantities, or plain numbers, of the same value. */
export function sameQuantity(a: unknown, b: unknown): boolean {
  const [left, right] = [a, b].map((value) => (typeof value === 'string' || typeof value === 'number' ? parse(String(value)) : undefined));
  if (!left || !right) return false;
  const lowest = Math.min(left.exponent, right.exponent);
  return left.digits * 10n ** BigInt(left.exponent - lowest) === right.digits * 10n ** BigInt(right.exponent - lowest);
}
