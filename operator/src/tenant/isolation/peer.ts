/** Whom a NetworkPolicy rule names, and whether one names nobody whom others do not. */
import { addressesWithin, type IPBlock } from './address-range.ts';
import { isWithin, selectsNothing, type LabelSelector } from '../../selector.ts';

export interface PolicyPeer {
  readonly namespaceSelector?: LabelSelector | undefined;
  readonly podSelector?: LabelSelector | undefined;
  readonly ipBlock?: IPBlock | undefined;
}

export type Peer =
  | { readonly kind: 'everybody' }
  | { readonly kind: 'addresses'; readonly block: IPBlock }
  | { readonly kind: 'pods'; readonly namespaces: LabelSelector; readonly pods: LabelSelector; readonly ofOwnNamespace: boolean };

/** Without those that are nobody. Pods without a namespace selector are those of the policy's own namespace, which bears its name as a label that nobody can change. */
export function peersOf(peers: readonly PolicyPeer[] | undefined, namespace: string): Peer[] {
  if (!peers || peers.length === 0) return [{ kind: 'everybody' }];
  const named = peers.map(({ ipBlock, namespaceSelector, podSelector }): Peer => {
    if (ipBlock) return { kind: 'addresses', block: ipBlock };
    if (!namespaceSelector && !podSelector) return { kind: 'everybody' };
    return {
      kind: 'pods',
      namespaces: namespaceSelector ?? { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
      pods: podSelector ?? {},
      ofOwnNamespace: !namespaceSelector,
    };
  });
  return named.filter((peer) => peer.kind !== 'pods' || !(selectsNothing(peer.namespaces) || selectsNothing(peer.pods)));
}

/**
 * Exact for addresses, also where several blocks together hold one; pods must be within a single peer. Addresses and pods are never within each
 * other: which pod has which address changes by the minute.
 */
export function peerWithin(inner: Peer, outer: readonly Peer[]): boolean {
  if (outer.some(({ kind }) => kind === 'everybody')) return true;
  if (inner.kind === 'everybody') return false;
  if (inner.kind === 'addresses') {
    const blocks = outer.flatMap((peer) => (peer.kind === 'addresses' ? peer.block : []));
    return addressesWithin(inner.block, blocks);
  }
  return outer.some((peer) => peer.kind === 'pods' && isWithin(inner.namespaces, peer.namespaces) && isWithin(inner.pods, peer.pods));
}

export function describePeer(peer: Peer): string {
  if (peer.kind === 'everybody') return 'everything';
  if (peer.kind === 'addresses') {
    const { cidr, except = [] } = peer.block;
    return except.length === 0 ? cidr : `${cidr} except ${except.join(', ')}`;
  }
  const pods = describeSelector(peer.pods, 'every pod', 'pods with');
  if (peer.ofOwnNamespace) return `${pods} of its own namespace`;
  return `${pods} in ${describeSelector(peer.namespaces, 'every namespace', 'namespaces with')}`;
}

function describeSelector({ matchLabels = {}, matchExpressions = [] }: LabelSelector, all: string, some: string): string {
  const labels = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const expressions = matchExpressions.map(({ key, operator, values = [] }) => {
    const list = values.length > 0 ? ` (${values.join(', ')})` : '';
    return `${key} ${operator}${list}`;
  });
  const terms = [...labels, ...expressions];
  return terms.length === 0 ? all : `${some} ${terms.join(' and ')}`;
}
