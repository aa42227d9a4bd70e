import { expect, test } from 'vitest';
import { isPublic, rangeOf } from './addresses.ts';

test.each(['93.184.216.34', '1.1.1.1', '2606:4700:4700::1111', '::ffff:1.1.1.1'])('%s is public', (address) => {
  expect(isPublic(address)).toBe(true);
});

test.each([
  ['loopback', '127.0.0.1'],
  ['loopback beyond the first', '127.8.8.8'],
  ['loopback of IPv6', '::1'],
  ['this host', '0.0.0.0'],
  ['this network', '0.1.2.3'],
  ['unspecified in IPv6', '::'],
  ['private, 10', '10.0.0.1'],
  ['private, 172.16', '172.31.255.255'],
  ['private, 192.168', '192.168.1.1'],
  ['shared, where some clusters have their pods', '100.64.0.1'],
  ['metadata', '169.254.169.254'],
  ['metadata of Alibaba', '100.100.100.200'],
  ['metadata of Azure', '168.63.129.16'],
  ['metadata in IPv6', 'fd00:ec2::254'],
  ['link-local in IPv6', 'fe80::1'],
  ['site-local of old', 'fec0::1'],
  ['unique local', 'fc00::1'],
  ['multicast', '224.0.0.1'],
  ['multicast in IPv6', 'ff02::1'],
  ['broadcast', '255.255.255.255'],
  ['reserved', '240.0.0.1'],
  ['benchmarks', '198.18.0.1'],
  ['documentation', '203.0.113.1'],
  ['documentation in IPv6', '2001:db8::1'],
  ['IPv4-mapped, private', '::ffff:10.0.0.1'],
  ['IPv4-mapped, loopback, in hexadecimal', '::ffff:7f00:1'],
  ['IPv4-compatible', '::7f00:1'],
  ['NAT64', '64:ff9b::a00:1'],
  ['NAT64 of a network’s own', '64:ff9b:1::a00:1'],
  ['6to4 of a private address', '2002:a00:1::1'],
  ['Teredo', '2001:0:1::1'],
  ['in octal', '0177.0.0.1'],
  ['in octal, public', '010.8.8.8'],
  ['in hexadecimal', '0x7f.0.0.1'],
  ['in one number', '2130706433'],
  ['in two parts', '127.1'],
  ['no address', 'localhost'],
  ['nothing', ''],
  ['with a zone', 'fe80::1%eth0'],
])('%s is not public: %s', (_, address) => {
  expect(isPublic(address)).toBe(false);
});

test('a public address in a range of the cluster is not to be reached, nor its IPv4-mapped form', () => {
  const cluster = [rangeOf('93.184.216.0/24'), rangeOf('2606:4700::/32')];
  expect(['93.184.216.34', '::ffff:93.184.216.34', '2606:4700::1'].map((address) => isPublic(address, cluster))).toEqual([
    false,
    false,
    false,
  ]);
  expect(isPublic('1.1.1.1', cluster)).toBe(true);
});

test('what is no range is refused', () => {
  expect(() => rangeOf('10.0.0.0')).toThrow();
});
