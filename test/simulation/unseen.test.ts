/** What was never made is not told to be there, whatever it is that stands in the way. */
import { findCondition } from 'kube-runtime';
import { expect, test } from 'vitest';
import * as kinds from '../../operator/src/kinds.ts';
import { onStage } from './scene.ts';
import type { World } from './world.ts';

const statusIn = (world: World) => kinds.tenants.accept(world.find('Tenant', 'acme') ?? { metadata: { name: '' } }).status;
const parts = ['NamespaceReady', 'NetworkIsolated', 'QuotaReady', 'CredentialsReady', 'DataReady', 'EndpointReady'];
const partsIn = (world: World) => parts.map((type) => findCondition(statusIn(world)?.conditions, type)?.status);

test.each<[string, object, string, readonly string[]]>([
  ['its class is not there', { classRef: { name: 'ghost' } }, 'nothing', ['Unknown', 'Unknown', 'False', 'False', 'Unknown', 'Unknown']],
  ['its namespace is refused', {}, '/namespaces/tenant-acme', ['False', 'Unknown', 'Unknown', 'False', 'Unknown', 'Unknown']],
  ['its walls are refused', {}, '/networkpolicies/agents', ['True', 'False', 'Unknown', 'True', 'True', 'Unknown']],
])('a new tenant claims nothing that was not made when %s, and all of it once it is', (_, spec, refused, expected) =>
  onStage('nobody', [], async ({ world, person }) => {
    const refusal = { code: 403, reason: 'Forbidden', message: 'the simulation says so' };
    world.mishap = ({ write, request }) => (write && request?.path.endsWith(refused) === true ? { before: refusal } : undefined);
    await person.tenant('acme', spec);
    await world.pass(60_000);
    expect(partsIn(world)).toEqual(expected);
    expect(statusIn(world)?.isolation).toBe('Pending');
    world.mishap = () => undefined;
    await person.editTenant('acme', { classRef: { name: 'gold' } });
    await world.converge();
    expect(new Set(partsIn(world))).toEqual(new Set(['True']));
    expect(statusIn(world)?.isolation).toBe('Closed');
  }),
);
