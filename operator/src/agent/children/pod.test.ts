import { agentFiles } from '@cloister/tenancy';
import { dirname } from 'node:path/posix';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { configuration } from '../../tenant/snapshot.fixture.ts';
import { planned } from '../snapshot.fixture.ts';
import { podTemplate } from './pod.ts';

const podSpec = z.object({
  containers: z.tuple([z.object({ volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string() })) })]),
  volumes: z.array(z.looseObject({ name: z.string() })),
});

/** What is mounted where the URL of the database is. */
const mountOf = (hasAuthorities: boolean): unknown => {
  const { containers, volumes } = podSpec.parse(podTemplate(planned({ hasAuthorities })).spec);
  const mount = containers[0].volumeMounts.find(({ mountPath }) => mountPath === dirname(agentFiles.databaseURL));
  return volumes.find(({ name }) => name === mount?.name);
};

test('a pod mounts what its Secret holds, as it did before there were authorities of Postgres', () => {
  expect(mountOf(false)).toEqual({
    name: 'database',
    secret: { secretName: 'database', defaultMode: 0o440, items: [{ key: 'url', path: 'url' }] },
  });
});

test('where there are authorities of Postgres they are mounted too, and a pod that comes when they are gone starts without them', () => {
  const source = (key: string) => ({ name: 'database', items: [{ key, path: key }] });
  expect(mountOf(true)).toEqual({
    name: 'verified-database',
    projected: { defaultMode: 0o440, sources: [{ secret: source('url') }, { secret: { ...source('ca.crt'), optional: true } }] },
  });
});

const withPolicy = z.object({ containers: z.tuple([z.object({ imagePullPolicy: z.string() })]) });

/** Of an agent with that image, where the platform's policy is that. */
function pullPolicyOf(image: string | undefined, imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never'): string {
  const { agentRuntime } = configuration;
  const plan = planned({ spec: { image }, configuration: { ...configuration, agentRuntime: { ...agentRuntime, imagePullPolicy } } });
  return withPolicy.parse(podTemplate(plan).spec).containers[0].imagePullPolicy;
}

test('an image of a tenant’s own is pulled for each pod, so that nobody starts what a node keeps of another tenant’s', () => {
  expect(pullPolicyOf('registry.example.com/private:1', 'IfNotPresent')).toBe('Always');
  expect(pullPolicyOf('registry.example.com/private:1', 'Always')).toBe('Always');
});

test('where the platform pulls no images, a tenant’s own is not pulled either', () => {
  expect(pullPolicyOf('registry.example.com/private:1', 'Never')).toBe('Never');
});

test.each(['Always', 'IfNotPresent', 'Never'] as const)('the platform’s own image is pulled as it says: %s', (policy) => {
  expect(pullPolicyOf(undefined, policy)).toBe(policy);
});

const withStart = z.object({ containers: z.tuple([z.object({ startupProbe: z.looseObject({}).optional() })]) });

test('an image of a tenant’s own has a hundred seconds until it listens; ours, which does so first, is never waited for', () => {
  const startOf = (image: string | undefined) => withStart.parse(podTemplate(planned({ spec: { image } })).spec).containers[0].startupProbe;
  expect(startOf('registry.example.com/slow:1')).toMatchObject({ httpGet: { path: '/healthz' }, periodSeconds: 1, failureThreshold: 100 });
  expect(startOf(undefined)).toBeUndefined();
});
