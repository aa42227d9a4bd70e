/** Finalizers by which somebody in a tenant's namespace could keep the tenant from being deleted, and what the API server must say to them. */
import type { Attempt } from './api-server.ts';
import { create, patch } from './attempts.ts';

const finalizers = ['example.com/keep'];
const held = { metadata: { name: 'mine', finalizers } };
const refusal = (what: string) =>
  new RegExp(`${what}.*metadata\\.finalizers has "example\\.com/keep".*keep Tenant "acme" from being deleted; leave it out`);

export const holdingOn: readonly (readonly [string, Attempt, RegExp])[] = [
  [
    'an agent that holds up the deletion of its tenant',
    create('cloister.dev/v1alpha1', 'AgentConfig', { ...held, spec: { model: 'a/b' } }),
    refusal('agentconfigs "mine"'),
  ],
  ['a Secret that does', create('v1', 'Secret', held), refusal('secrets "mine"')],
  [
    'holding on to a Secret that is there',
    patch('v1', 'Secret', 'api-key-default', { metadata: { finalizers } }),
    refusal('secrets "api-key-default"'),
  ],
];
