import { describe, expect, test } from 'vitest';
import type { NetworkPolicySpec, PolicyRule } from '../../kinds.ts';
import { agentsPolicy } from '../children/network-policies.ts';
import { configuration } from '../snapshot.fixture.ts';
import { openings } from './openings.ts';

const ours = agentsPolicy({
  configuration: {
    ...configuration,
    postgres: { ...configuration.postgres, networkPeer: { ipBlock: { cidr: '10.0.12.0/24', except: ['10.0.12.0/28'] } } },
  },
});
const found = (spec: NetworkPolicySpec, name = 'foreign') =>
  openings({ tenant: 'acme', namespace: 'tenant-acme', allowed: ours, policies: [{ metadata: { name }, spec }] });
const told = (spec: NetworkPolicySpec) => found(spec).map(({ rule, opens }) => `${rule} ${opens}`);
const out = (...egress: readonly PolicyRule[]): NetworkPolicySpec => ({ podSelector: {}, policyTypes: ['Egress'], egress });
const into = (...ingress: readonly PolicyRule[]): NetworkPolicySpec => ({ podSelector: {}, policyTypes: ['Ingress'], ingress });

const named = (name: string) => ({ matchLabels: { 'kubernetes.io/metadata.name': name } });
const system = named('cloister-system');
const component = (name: string) => ({ 'app.kubernetes.io/name': 'cloister', 'app.kubernetes.io/component': name });
const egressPods = { namespaceSelector: system, podSelector: { matchLabels: component('egress') } };
const block = (cidr: string, except?: readonly string[]) => ({ ipBlock: { cidr, ...(except && { except }) } });
const tcp = (port: number | string, endPort?: number) => ({ protocol: 'TCP', port, endPort });

describe('a rule opens something', () => {
  test.each<[string, NetworkPolicySpec, string]>([
    ['without peers and ports', out({}), 'spec.egress[0] everything on every port'],
    ['without peers', out({ ports: [tcp(443)] }), 'spec.egress[0] everything on TCP port 443'],
    ['without ports', out({ to: [egressPods] }), 'on every port'],
    ['to any address', out({ to: [block('0.0.0.0/0')], ports: [tcp(5432)] }), '0.0.0.0/0 on TCP port 5432'],
    ['to any IPv6 address', out({ to: [block('::/0', ['fe80::/10'])] }), '::/0 except fe80::/10 on every port'],
    ['to addresses that ours leave out', out({ to: [block('10.0.12.0/24')], ports: [tcp(5432)] }), '10.0.12.0/24 on TCP port 5432'],
    ['to a larger block', out({ to: [block('10.0.0.0/16', ['10.0.12.0/28'])], ports: [tcp(5432)] }), '10.0.0.0/16 except 10.0.12.0/28'],
    ['to other ports of what ours name', out({ to: [egressPods], ports: [tcp(9090)] }), 'on TCP port 9090'],
    ['to a range beyond our port', out({ to: [egressPods], ports: [tcp(8080, 8081)] }), 'on TCP port 8080-8081'],
    ['with another protocol', out({ to: [egressPods], ports: [{ protocol: 'UDP', port: 8080 }] }), 'on UDP port 8080'],
    ['with all ports of a protocol', out({ to: [egressPods], ports: [{ protocol: 'TCP' }] }), 'on every TCP port'],
    ['with a port by a name that is not ours', out({ to: [egressPods], ports: [tcp('http')] }), 'on TCP port "http"'],
    [
      'to other pods of the same namespace',
      out({ to: [{ podSelector: {} }], ports: [tcp(8080)] }),
      'every pod of its own namespace on TCP port 8080',
    ],
    [
      'to all pods of a namespace of which ours name some',
      out({ to: [{ namespaceSelector: system }], ports: [tcp(8080)] }),
      'every pod in namespaces with kubernetes.io/metadata.name=cloister-system',
    ],
    [
      'to pods in every namespace',
      out({ to: [{ namespaceSelector: {}, podSelector: { matchLabels: component('egress') } }], ports: [tcp(8080)] }),
      'in every namespace',
    ],
    ['when only its second peer does', out({ to: [egressPods, block('1.2.3.4/32')], ports: [tcp(8080)] }), 'egress[0] 1.2.3.4/32 on'],
    ['when only its second port does', out({ to: [egressPods], ports: [tcp(8080), tcp(80)] }), 'cloister-system on TCP port 80'],
    ['when only the second rule does', out({ to: [egressPods], ports: [tcp(8080)] }, {}), 'spec.egress[1] everything'],
    ['for callers other than edge', into({ from: [{ namespaceSelector: {} }], ports: [tcp(8080)] }), 'spec.ingress[0] every pod in every'],
    ['for everybody, by the name of the port', into({ ports: [tcp('https')] }), 'spec.ingress[0] everything on TCP port 8080'],
    [
      'for edge at another port',
      into({ from: [{ namespaceSelector: system, podSelector: { matchLabels: component('edge') } }], ports: [tcp('metrics')] }),
      'on TCP port 9090',
    ],
    ['where policyTypes is left out', { podSelector: {}, egress: [{}] }, 'spec.egress[0]'],
  ])('%s', (_, spec, opens) => {
    expect(told(spec)).toEqual([expect.stringContaining(opens)]);
  });
});

describe('a rule opens nothing', () => {
  const edge = { namespaceSelector: system, podSelector: { matchLabels: component('edge') } };
  test.each<[string, NetworkPolicySpec]>([
    ['that says what ours say', ours],
    ['that is not there: to deny is no harm', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] }],
    ['of a direction that policyTypes leaves out', { podSelector: {}, policyTypes: ['Ingress'], egress: [{}] }],
    [
      'to stricter labels than ours',
      out({
        to: [{ namespaceSelector: system, podSelector: { matchLabels: { ...component('egress'), zone: 'a' } } }],
        ports: [tcp(8080)],
      }),
    ],
    [
      'that says the same with expressions',
      out({
        to: [
          {
            namespaceSelector: { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: ['cloister-system'] }] },
            podSelector: { matchLabels: component('egress') },
          },
        ],
        ports: [{ port: 8080 }],
      }),
    ],
    [
      'that selects nobody, by contradiction',
      out({ to: [{ podSelector: { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['b'] }] } }] }),
    ],
    ['to addresses within ours', out({ to: [block('10.0.12.64/26')], ports: [tcp(5432)] })],
    [
      'to ours, with the same exception in two pieces',
      out({ to: [block('10.0.12.0/24', ['10.0.12.0/29', '10.0.12.8/29'])], ports: [tcp(5432)] }),
    ],
    ['for edge, by the name of the port', into({ from: [edge], ports: [tcp('https')] })],
    ['at a port that agents do not have', into({ ports: [tcp('debug')] })],
  ])('%s', (_, spec) => {
    expect(told(spec)).toEqual([]);
  });
});

describe('a policy concerns agents', () => {
  const own = { 'cloister.dev/tenant': 'acme', 'app.kubernetes.io/component': 'agent' };
  const expression = (key: string, operator: string, ...values: readonly string[]) => ({ matchExpressions: [{ key, operator, values }] });
  test.each<[string, boolean, NetworkPolicySpec['podSelector']]>([
    ['when it selects every pod', true, {}],
    ['when it has no selector', true, undefined],
    ['when it selects by labels that they bear', true, { matchLabels: own }],
    ['when it names an agent that may come', true, { matchLabels: { 'cloister.dev/agent': 'not-yet' } }],
    ['when it names a revision', true, { matchLabels: { 'cloister.dev/revision': '0123456789' } }],
    ['when it excludes one agent', true, expression('cloister.dev/agent', 'NotIn', 'support')],
    ['when it asks for a label that they lack to be absent', true, expression('team', 'DoesNotExist')],
    ['when it asks for other values, or none, of a label that they lack', true, expression('team', 'NotIn', 'x')],
    ['not when it asks for a label that they lack', false, { matchLabels: { team: 'x' } }],
    ['not when it asks for such a label to be there', false, expression('team', 'Exists')],
    ['not when it is about another component', false, { matchLabels: { 'app.kubernetes.io/component': 'database' } }],
    ['not when it is about another tenant', false, { matchLabels: { 'cloister.dev/tenant': 'bravo' } }],
    ['not when it names an agent that cannot be', false, { matchLabels: { 'cloister.dev/agent': 'Not_A_Name' } }],
    ['not when it excludes all that bear a label of theirs', false, expression('cloister.dev/agent', 'DoesNotExist')],
  ])('%s', (_, concerns, podSelector) => {
    expect(found({ ...(podSelector && { podSelector }), policyTypes: ['Egress'], egress: [{}] }).length).toBe(concerns ? 1 : 0);
  });

  test('not when it is one of ours: what is edited into those is put right', () => {
    expect(['default-deny', 'agents'].flatMap((name) => found(out({}), name))).toEqual([]);
  });
});
