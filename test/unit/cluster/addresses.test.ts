import { BlockList } from 'node:net';
import { describe, expect, it } from 'vitest';
import { addressesOf, slots } from '../../cluster/addresses.ts';

const all = Array.from({ length: slots }, (_, slot) => addressesOf(slot));

describe('addresses of a slot', () => {
  it('are never within the ranges of another slot, so that clusters run side by side', () => {
    const ranges = all.map(({ podCIDR, serviceCIDR, hostIP }) => {
      const list = new BlockList();
      for (const range of [podCIDR, serviceCIDR, `${hostIP}/30`]) {
        const [network = '', prefix = ''] = range.split('/');
        list.addSubnet(network, Number(prefix));
      }
      return list;
    });
    for (const { slot, podGateway, apiServiceIP, dnsIP, nodeIP } of all) {
      for (const ip of [podGateway, apiServiceIP, dnsIP, nodeIP]) {
        expect(ranges.filter((list) => list.check(ip)).map((list) => ranges.indexOf(list))).toEqual([slot]);
      }
    }
  });

  it('have links and loopback ports of their own', () => {
    expect(new Set(all.map(({ link }) => link)).size).toBe(slots);
    expect(new Set(all.map(({ ingressPort }) => ingressPort)).size).toBe(slots);
  });

  it('name links within the 15 characters that the kernel allows', () => {
    for (const { link, nodeLink } of all) expect([link, nodeLink].every((name) => name.length <= 15)).toBe(true);
  });
});
