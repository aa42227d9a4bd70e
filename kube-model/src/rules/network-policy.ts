import { kind } from 'kube-runtime';
import { at, recordOf, textOf, type Json } from '../objects/json.ts';
import type { StoredObject } from '../objects/object.ts';
import { withoutNothing } from './decoded.ts';
import { notAllowed, required, wrong, type FieldError } from './field-error.ts';
import type { ServedKind } from './served-kind.ts';

export const networkPolicy: ServedKind = {
  kind: kind('networking.k8s.io/v1', 'NetworkPolicy'),
  generation: 'spec as given',
  unconditionalUpdate: true,
  bare: { spec: { podSelector: {} } },
  defaults(draft) {
    const { podSelector = {}, ingress, egress, policyTypes, ...rest } = withoutNothing(recordOf(draft['spec']));
    draft['spec'] = {
      podSelector,
      ...rest,
      ...(ingress !== undefined && { ingress: itemsOf(ingress).map(withProtocols) }),
      ...(egress !== undefined && { egress: itemsOf(egress).map(withProtocols) }),
      policyTypes: policyTypes ?? ['Ingress', ...(egress === undefined ? [] : ['Egress'])],
    };
  },
  validate: (object) => [
    ...itemsOf(at(object, ['spec', 'ingress'])).flatMap((rule, index) => checkRule(rule, 'from', `spec.ingress[${index}]`)),
    ...itemsOf(at(object, ['spec', 'egress'])).flatMap((rule, index) => checkRule(rule, 'to', `spec.egress[${index}]`)),
    ...checkTypes(object),
  ],
};

const itemsOf = (list: unknown): Json[] => (Array.isArray(list) ? list.map(recordOf) : []);

const withProtocols = (rule: Json): Json => ({
  ...rule,
  ...(Array.isArray(rule['ports']) && { ports: itemsOf(rule['ports']).map((port) => ({ protocol: 'TCP', ...port })) }),
});

const checkRule = (rule: Json, peers: 'from' | 'to', field: string): FieldError[] => [
  ...itemsOf(rule['ports']).flatMap((port, index) => checkPort(port, `${field}.ports[${index}]`)),
  ...itemsOf(rule[peers]).flatMap((peer, index) => checkPeer(peer, `${field}.${peers}[${index}]`)),
];

function checkPort({ port, endPort }: Json, field: string): FieldError[] {
  const isNumber = (value: unknown): boolean => typeof value === 'number' && value >= 1 && value <= 65_535;
  const last =
    endPort === undefined || (typeof port === 'number' && isNumber(endPort) && Number(endPort) >= port)
      ? []
      : [wrong(`${field}.endPort`, 'must be a port number, and not before `port`')];
  const first = port === undefined || typeof port === 'string' || isNumber(port) ? [] : [wrong(`${field}.port`, 'must be a port number')];
  return [...first, ...last];
}

function checkPeer({ podSelector, namespaceSelector, ipBlock }: Json, field: string): FieldError[] {
  const selects = podSelector !== undefined || namespaceSelector !== undefined;
  if (!selects && ipBlock === undefined) return [required(field, 'must specify a peer')];
  if (selects && ipBlock !== undefined) return [notAllowed(field, 'may not specify both ipBlock and another peer')];
  return ipBlock === undefined ? [] : checkBlock(recordOf(ipBlock), `${field}.ipBlock`);
}

function checkBlock({ cidr, except }: Json, field: string): FieldError[] {
  const block = rangeOf(cidr);
  if (!block) return [wrong(`${field}.cidr`, 'must be a valid CIDR value')];
  return (Array.isArray(except) ? except : []).flatMap((each: unknown, index) => {
    const range = rangeOf(each);
    const isWithin = range && range.first >= block.first && range.last <= block.last && range.last - range.first < block.last - block.first;
    return isWithin ? [] : [wrong(`${field}.except[${index}]`, 'must be a strict subset of `cidr`')];
  });
}

/** Of IPv4, from its first address: ranges that begin elsewhere are refused. */
function rangeOf(cidr: unknown): { readonly first: number; readonly last: number } | undefined {
  const [, address = '', bits] = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(textOf(cidr) ?? '') ?? [];
  const parts = address.split('.').map(Number);
  if (bits === undefined || Number(bits) > 32 || parts.some((part) => part > 255)) return undefined;
  const first = parts.reduce((sum, part) => sum * 256 + part, 0);
  const size = 2 ** (32 - Number(bits));
  return first % size === 0 ? { first, last: first + size - 1 } : undefined;
}

function checkTypes(object: StoredObject): FieldError[] {
  const types = at(object, ['spec', 'policyTypes']);
  const given = Array.isArray(types) ? types : [];
  if (given.length > 2) return [wrong('spec.policyTypes', 'may not specify more than two policyTypes')];
  return given.every((type) => type === 'Ingress' || type === 'Egress')
    ? []
    : [{ field: 'spec.policyTypes', reason: 'FieldValueNotSupported', message: 'supported values: "Egress", "Ingress"' }];
}
