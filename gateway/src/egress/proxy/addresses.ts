/** Which addresses the tools of a tenant may reach: those that anybody on the internet could, and no others. */
import ipaddr from 'ipaddr.js';
import { isIP } from 'node:net';

export type Range = ReturnType<typeof ipaddr.parseCIDR>;

/** Throws where the text is no CIDR. */
export const rangeOf = (cidr: string): Range => ipaddr.parseCIDR(cidr);

/** Global unicast: everything else in IPv6 is reserved, local, or a way to write an IPv4 address (NAT64 with a prefix of one's own, too). */
const globalIPv6 = rangeOf('2000::/3');

/** Azure's metadata service has a public address. Those of other clouds are link-local, private or shared addresses. */
const wireServer = rangeOf('168.63.129.16/32');

/**
 * Whether the address is public, and in none of `forbidden`. An IPv4 address in IPv6 (`::ffff:…`) is judged as the IPv4 address. 6to4,
 * Teredo and NAT64 are no public addresses: where they lead is decided by the IPv4 address within. What the system would not take for an
 * address (`0177.0.0.1`, `127.1`) is none, so nothing is judged in one way and connected to in another.
 */
export function isPublic(text: string, forbidden: readonly Range[] = []): boolean {
  if (isIP(text) === 0) return false;
  const address = ipaddr.process(text);
  if (address.range() !== 'unicast') return false;
  if (address.kind() === 'ipv6' && !isWithin(address, globalIPv6)) return false;
  return ![wireServer, ...forbidden].some((range) => isWithin(address, range));
}

const isWithin = (address: ReturnType<typeof ipaddr.process>, range: Range): boolean =>
  address.kind() === range[0].kind() && address.match(range);
