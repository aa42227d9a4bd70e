import { agentFiles } from '@cloister/tenancy';
import { dirname } from 'node:path/posix';
import { expect, test } from 'vitest';
import { z } from 'zod';
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
