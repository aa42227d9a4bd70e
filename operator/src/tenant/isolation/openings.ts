/**
 * What NetworkPolicies of others open for a tenant's agents. Policies are a union: one more that selects an agent's pod can only add to what
 * the pod may reach, and nothing in the operator's own policies could take that back. So it is found and told instead. Pure.
 *
 * A rule opens something unless what it allows, peer by peer and port by port, is allowed by the operator's own policy anyway.
 * Each rule is judged by itself: another policy or rule never makes it harmless.
 */
import { components, labels, maxAgentNameLength, ports } from '@cloister/tenancy';
import type { NetworkPolicy, NetworkPolicySpec, PolicyRule } from '../../kinds.ts';
import { revisionLabel } from '../../agent/children/deployment.ts';
import { policyNames } from '../children/network-policies.ts';
import { describePeer, peersOf, peerWithin, type Peer } from './peer.ts';
import { describePort, portRangesOf, portWithin, type PortNames, type PortRange } from './port-range.ts';
import { canSelect, type Borne } from '../../selector.ts';

export type Direction = 'egress' | 'ingress';

export interface Opening {
  readonly policy: string;
  readonly direction: Direction;
  /** Path of the rule in the policy. */
  readonly rule: string;
  /** Who may now be reached, or may reach, and where, in words. */
  readonly opens: string;
}

/** Labels of every pod that the operator makes for a tenant's agents, whichever agents it has or will have. */
export const agentPodLabels = (tenant: string): Borne => ({
  [labels.name]: 'cloister',
  [labels.component]: components.agent,
  [labels.tenant]: tenant,
  [labels.agent]: new RegExp(`^[a-z]([-a-z0-9]{0,${maxAgentNameLength - 2}}[a-z0-9])?$`),
  [revisionLabel]: /^[0-9a-f]{10}$/,
  'pod-template-hash': /^[a-z0-9]+$/,
});

const agentPortNames: PortNames = { https: { protocol: 'TCP', port: ports.http }, metrics: { protocol: 'TCP', port: ports.metrics } };

const own: ReadonlySet<string> = new Set(Object.values(policyNames));

export interface Walls {
  readonly tenant: string;
  readonly namespace: string;
  /** What the operator's policy for agents says. */
  readonly allowed: NetworkPolicySpec;
  /** Every policy of the namespace. The operator's own are told by their names: what else is in them is put right at once. */
  readonly policies: readonly NetworkPolicy[];
}

export const openings = (walls: Walls): Opening[] =>
  walls.policies
    .filter(({ metadata, spec }) => !own.has(metadata.name) && canSelect(spec?.podSelector ?? {}, agentPodLabels(walls.tenant)))
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .flatMap(({ metadata: { name }, spec = {} }) => directionsOf(spec).flatMap((direction) => openedBy(name, spec, direction, walls)));

/** Rules of a direction that `policyTypes` leaves out are stored but have no effect. */
function directionsOf({ policyTypes = [] }: NetworkPolicySpec): Direction[] {
  const all: Direction[] = ['egress', 'ingress'];
  return policyTypes.length === 0 ? all : all.filter((direction) => policyTypes.includes(direction === 'egress' ? 'Egress' : 'Ingress'));
}

function openedBy(policy: string, spec: NetworkPolicySpec, direction: Direction, walls: Walls): Opening[] {
  const read = reader(direction, walls.namespace);
  const allowed = (walls.allowed[direction] ?? []).map(read);
  return (spec[direction] ?? []).flatMap((rule, index) => {
    const { peers, ranges } = read(rule);
    const open = peers.flatMap((peer) => {
      const beyond = ranges.filter((range) => !isAllowed(peer, range, allowed));
      return beyond.length === 0 ? [] : [`${describePeer(peer)} on ${beyond.map(describePort).join(', ')}`];
    });
    return open.length === 0 ? [] : [{ policy, direction, rule: `spec.${direction}[${index}]`, opens: open.join('; ') }];
  });
}

interface Read {
  readonly peers: readonly Peer[];
  readonly ranges: readonly PortRange[];
}

/** Names of ports are those of the pods that are called: known for agents, unknown for all that agents may call. */
const reader =
  (direction: Direction, namespace: string) =>
  ({ from, to, ports: list }: PolicyRule): Read => ({
    peers: peersOf(direction === 'egress' ? to : from, namespace),
    ranges: portRangesOf(list, direction === 'ingress' ? agentPortNames : undefined),
  });

const isAllowed = (peer: Peer, range: PortRange, allowed: readonly Read[]): boolean =>
  peerWithin(
    peer,
    allowed.flatMap(({ peers, ranges }) => (ranges.some((held) => portWithin(range, held)) ? peers : [])),
  );
