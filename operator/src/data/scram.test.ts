import { expect, test } from 'vitest';
import { ProvenPasswords, scramVerifier } from './scram.ts';

test('a password is told from another by what Postgres stores for it, again and again', async () => {
  const stored = await scramVerifier('right');
  const proven = new ProvenPasswords();
  for (let look = 0; look < 2; look++) {
    expect(await proven.holds('right', stored)).toBe(true);
    expect(await proven.holds('wrong', stored)).toBe(false);
    expect(await proven.holds('right', await scramVerifier('another'))).toBe(false);
  }
});

test('what was stored by other rules counts as another password: it is set anew', async () => {
  const proven = new ProvenPasswords();
  const fewerRounds = (await scramVerifier('right')).replace('$4096:', '$1000:');
  for (const stored of [fewerRounds, 'md5d41d8cd98f00b204e9800998ecf8427e', '']) expect(await proven.holds('right', stored)).toBe(false);
});
