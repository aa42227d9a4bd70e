import { expect, test } from 'vitest';
import { grantedScopes } from './granted-scopes.ts';

const grantBy = (claim: string) => ({
  scopes: ['chat' as const],
  roles: {
    claim,
    values: [
      { value: 'editors', scopes: ['chat' as const, 'settings' as const] },
      { value: 'owners', scopes: ['admin' as const] },
    ],
  },
});

test.each([
  ['one value', 'groups', { groups: 'editors' }, ['chat', 'settings']],
  ['several values', 'groups', { groups: ['staff', 'owners', 'editors'] }, ['chat', 'settings', 'admin']],
  ['no such claim', 'groups', {}, ['chat']],
  ['a value that only begins like one', 'groups', { groups: ['editors2', 'editor'] }, ['chat']],
  ['values that are no text', 'groups', { groups: [['editors'], { editors: true }, 1, null] }, ['chat']],
  ['a claim within a claim', 'realm_access.roles', { realm_access: { roles: ['editors'] } }, ['chat', 'settings']],
  ['a claim whose own name has dots', 'https://acme.example/groups', { 'https://acme.example/groups': ['editors'] }, ['chat', 'settings']],
  ['the claim of that name before one within', 'a.b', { 'a.b': 'none', a: { b: 'editors' } }, ['chat']],
  ['what every object has', 'constructor.name', {}, ['chat']],
])('by %s', (_, claim, claims: Record<string, unknown>, expected) => {
  expect(grantedScopes(grantBy(claim), claims)).toEqual(expected);
});

test('without roles everybody may the same', () => {
  expect(grantedScopes({ scopes: ['chat'] }, { groups: 'editors' })).toEqual(['chat']);
});
