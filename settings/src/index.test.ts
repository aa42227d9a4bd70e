import { expect, test } from 'vitest';
import { z } from 'zod';
import { readSecretFile, readSettings } from './index.ts';

const schema = z.object({ PORT: z.coerce.number().int().positive().default(8080), EGRESS_URL: z.url() });

test('settings are converted and defaults filled in', () => {
  expect(readSettings(schema, { EGRESS_URL: 'http://egress', PORT: '' })).toEqual({ PORT: 8080, EGRESS_URL: 'http://egress' });
});

test('all wrong settings are named at once, without their values', () => {
  const read = () => readSettings(schema, { PORT: '-3', EGRESS_URL: 'hunter2' });
  expect(read).toThrow(/PORT: [^]*EGRESS_URL: /);
  expect(read).not.toThrow(/hunter2/);
});

test('a secret file that is not there is named with its setting', () => {
  expect(() => readSecretFile('DATABASE_URL_FILE', '/nowhere/url')).toThrow(/DATABASE_URL_FILE: the file \/nowhere\/url/);
});
