import { expect, test } from 'vitest';
import { planned } from '../snapshot.fixture.ts';
import { podTemplate } from './pod.ts';

const mountOf = (hasAuthorities: boolean): unknown => {
  const { spec } = podTemplate(planned({ hasAuthorities }));
  const volumes: unknown = Reflect.get(spec, 'volumes');
  return Array.isArray(volumes) ? volumes.find((volume: { name: string }) => volume.name === 'database') : undefined;
};

test('a pod mounts the authorities of Postgres where its Secret holds them, and else is as it was before there were any', () => {
  const secret = (...keys: string[]) => ({
    name: 'database',
    secret: { secretName: 'database', defaultMode: 0o440, items: keys.map((key) => ({ key, path: key })) },
  });
  expect(mountOf(true)).toEqual(secret('url', 'ca.crt'));
  expect(mountOf(false)).toEqual(secret('url'));
});
