/**
 * An object without what two equal runs may differ in: identities, times, counters, random secrets and the hashes made from them. What is left
 * of two runs that came to the same end is equal to the byte.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';

const record = z.record(z.string(), z.unknown());
type Fields = z.infer<typeof record>;

const isFields = (value: unknown): value is Fields => record.safeParse(value).success && !Array.isArray(value);

/** Of metadata: what the server gives, or counts. */
const passing = new Set(['uid', 'resourceVersion', 'creationTimestamp', 'generation', 'managedFields', 'generateName', 'selfLink']);
/** Labels and annotations that are times, hashes of passwords or UIDs, or count the ways by which an object came to be what it is. */
const byChance = /^(cloister\.dev\/(credentials|revision|made-at)|kube-runtime\.dev\/.*|deployment\.kubernetes\.io\/revision)$/;
/** Of a Service: addresses that the server gives out. */
const givenOut = new Set(['clusterIP', 'clusterIPs']);
/** Kinds whose status is Cloister's own word; that of others is their controllers'. */
const spoken = new Set(['Tenant', 'AgentConfig', 'TenantClass', 'ModelProvider']);

export function normalise(object: Fields): Fields {
  const { metadata, status, data, spec, ...rest } = object;
  const kind = String(object['kind']);
  return sorted({
    ...rest,
    metadata: metadataOf(metadata),
    ...(spec === undefined ? {} : { spec: masked(isFields(spec) && kind === 'Service' ? without(spec, givenOut) : spec) }),
    ...(data === undefined ? {} : { data: dataOf(kind, data) }),
    ...(spoken.has(kind) && isFields(status) ? { status: statusOf(status, isFields(metadata) ? metadata['generation'] : undefined) } : {}),
  });
}

function metadataOf(metadata: unknown): Fields {
  if (!isFields(metadata)) return {};
  const owners = Array.isArray(metadata['ownerReferences']) ? metadata['ownerReferences'].filter(isFields) : [];
  return {
    ...without(metadata, passing),
    ...(metadata['deletionTimestamp'] === undefined ? {} : { deletionTimestamp: 'set' }),
    ...(owners.length > 0 ? { ownerReferences: owners.map((owner) => without(owner, passing)) } : {}),
    ...(isFields(metadata['labels']) ? { labels: masked(metadata['labels']) } : {}),
    ...(isFields(metadata['annotations']) ? { annotations: masked(metadata['annotations']) } : {}),
  };
}

const uid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** A Secret's keys alone; a document by its hash, so that a difference is short to print. */
function dataOf(kind: string, data: unknown): unknown {
  if (!isFields(data)) return data;
  const show = (value: unknown): string =>
    kind === 'Secret'
      ? 'secret'
      : createHash('sha256')
          .update(orderless(String(value)).replaceAll(uid, 'uid'))
          .digest('hex')
          .slice(0, 12);
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, show(value)]));
}

const policy = z.looseObject({ agents: z.array(z.looseObject({ name: z.string() })), defaultAgent: z.string().optional() });

/** A tenant's agents stand there by age, in whole seconds: which of two that were made one after the other is the elder one, the clock decides. */
function orderless(text: string): string {
  if (!text.startsWith('{"agents":')) return text;
  const { agents, defaultAgent, ...rest } = policy.parse(JSON.parse(text));
  const byName = agents.toSorted((a, b) => a.name.localeCompare(b.name));
  return JSON.stringify({ ...rest, agents: byName, defaultAgent: agents.length > 1 ? defaultAgent !== undefined : defaultAgent });
}

/** Conditions without their times; what was observed as whether it is the present. */
function statusOf(status: Fields, generation: unknown): Fields {
  const current = (of: Fields): Fields =>
    of['observedGeneration'] === undefined ? {} : { observed: of['observedGeneration'] === generation ? 'current' : 'old' };
  const conditions = Array.isArray(status['conditions']) ? status['conditions'].filter(isFields) : [];
  const { revision, lastGoodRevision, classRevision: _, observedGeneration: __, credentials, ...rest } = status;
  return {
    ...rest,
    ...(isFields(credentials) ? { credentials: withoutTimes(credentials) } : {}),
    ...current(status),
    ...(revision === undefined ? {} : { good: revision === lastGoodRevision }),
    conditions: conditions
      .map((condition) => ({ ...without(condition, new Set(['lastTransitionTime', 'observedGeneration'])), ...current(condition) }))
      .sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))),
  };
}

/** Of each credential, what it still waits for. */
const withoutTimes = (credentials: Fields): Fields =>
  Object.fromEntries(Object.entries(credentials).map(([name, one]) => [name, isFields(one) ? without(one, new Set(['since'])) : one]));

const without = (fields: Fields, names: ReadonlySet<string>): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !names.has(name)));

/** At any depth: pod templates carry the same labels. */
function masked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(masked);
  if (!isFields(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => (byChance.test(name) ? [] : [[name, masked(inner)] as const])),
  );
}

function sorted(value: Fields): Fields {
  const order = (inner: unknown): unknown => {
    if (Array.isArray(inner)) return inner.map(order);
    return isFields(inner) ? sorted(inner) : inner;
  };
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, order(value[name])]),
  );
}
