/** CIDRs as ranges of numbers, so that one block can be held against several with their exceptions. */
import { isIPv4, isIPv6 } from 'node:net';

export interface IPBlock {
  readonly cidr: string;
  readonly except?: readonly string[] | undefined;
}

/** Both ends belong to it. IPv4 addresses are numbered beyond all of IPv6, so that no block of one kind holds one of the other. */
interface Range {
  readonly first: bigint;
  readonly last: bigint;
}

const families = { 4: { bits: 32, offset: 1n << 128n }, 6: { bits: 128, offset: 0n } } as const;

/** Whether every address of `inner` is in one of `outer`. False where a CIDR cannot be read: what is not understood is not contained. */
export function addressesWithin(inner: IPBlock, outer: readonly IPBlock[]): boolean {
  const asked = rangesOf(inner);
  const held = outer.flatMap((block) => rangesOf(block) ?? []);
  return asked !== undefined && held.reduce(without, asked).length === 0;
}

function rangesOf({ cidr, except = [] }: IPBlock): Range[] | undefined {
  const [whole, ...holes] = [cidr, ...except].map(rangeOf);
  if (!whole || holes.includes(undefined)) return undefined;
  return holes.flatMap((hole) => hole ?? []).reduce(without, [whole]);
}

const without = (ranges: readonly Range[], hole: Range): Range[] =>
  ranges.flatMap(({ first, last }) => {
    if (hole.last < first || hole.first > last) return [{ first, last }];
    return [
      ...(first < hole.first ? [{ first, last: hole.first - 1n }] : []),
      ...(hole.last < last ? [{ first: hole.last + 1n, last }] : []),
    ];
  });

function rangeOf(cidr: string): Range | undefined {
  const [address = '', length = ''] = cidr.split('/');
  const family = isIPv4(address) ? families[4] : isIPv6(address) ? families[6] : undefined;
  const prefix = Number(length);
  if (!family || !/^\d+$/.test(length) || prefix > family.bits) return undefined;
  const size = 1n << BigInt(family.bits - prefix);
  const number = isIPv4(address) ? ipv4Number(address) : ipv6Number(address);
  const first = family.offset + number - (number % size);
  return { first, last: first + size - 1n };
}

const ipv4Number = (address: string): bigint => address.split('.').reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);

function ipv6Number(address: string): bigint {
  // URLs hold addresses in one form alone: hexadecimal groups, with at most one "::".
  const plain = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = [], tail = []] = plain.split('::').map((part) => (part === '' ? [] : part.split(':')));
  const groups = [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail];
  return groups.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
}
