import { textOf } from '../objects/json.ts';

const decimal = ['', 'k', 'M', 'G', 'T'] as const;
const binary = ['', 'Ki', 'Mi', 'Gi', 'Ti'] as const;
const units: Readonly<Record<string, number>> = {
  m: 1e-3,
  ...Object.fromEntries(decimal.map((unit, power) => [unit, 1000 ** power])),
  ...Object.fromEntries(binary.slice(1).map((unit, power) => [unit, 1024 ** (power + 1)])),
};
const pattern = /^([-+.\d]+(?:e\d+)?)([A-Za-z]*)$/;

/** A quantity as a number: `500m`, `2Gi`, 3. */
export function amountOf(quantity: unknown): number {
  if (typeof quantity === 'number') return quantity;
  const [, digits = '0', unit = ''] = pattern.exec(textOf(quantity) ?? '') ?? [];
  return Number(digits) * (units[unit] ?? 1);
}

export const spelt = (amount: number): string => (Number.isInteger(amount) ? String(amount) : `${Math.round(amount * 1000)}m`);

/** In the spelling that the server stores: `500m` for `0.5`, `1Gi` for `1024Mi`, `1k` for 1000. */
export function canonical(quantity: unknown): string {
  const amount = amountOf(quantity);
  const [suffixes, base] = /i$/.test(textOf(quantity) ?? '') ? [binary, 1024] : [decimal, 1000];
  const power = suffixes.findLastIndex((_, index) => amount % base ** index === 0);
  return amount === 0 || power <= 0 ? spelt(amount) : `${amount / base ** power}${suffixes[power] ?? ''}`;
}
