import { makeAuthority, textOf } from '@cloister/certificates';
import { beforeAll, describe, expect, test } from 'vitest';
import { encoded } from '../child.ts';
import { postgresAddress, postgresSecret } from './postgres-address.ts';

const plain = { host: 'db.example', port: '5432', user: 'admin', password: 'hush', database: 'cloister' };
const addressOf = (more: Readonly<Record<string, string>>) =>
  postgresAddress(
    { metadata: { name: 'postgres-admin' }, data: encoded({ ...plain, ...more }) },
    { namespace: 'system', secret: 'postgres-admin' },
  );
const secretOf = (more: Readonly<Record<string, string>>) => postgresSecret(addressOf(more), 't_acme$a', 'p/w');

let pem: string;
let pair: string;
beforeAll(async () => {
  const authority = await makeAuthority('postgres', { from: new Date(), days: 1 });
  pem = authority.certificate;
  pair = textOf(authority);
});

describe("a login's Secret", () => {
  const url = 'postgres://t_acme%24a:p%2Fw@db.example:5432/cloister';

  test('without TLS is the URL, as it always was', () => {
    expect(secretOf({})).toEqual({ url });
    expect(secretOf({ sslmode: '' })).toEqual({ url });
    expect(secretOf({ sslmode: 'disable' })).toEqual({ url });
  });

  test('has the mode, and the authorities where it verifies', () => {
    expect(secretOf({ sslmode: 'require' })).toEqual({ url: `${url}?sslmode=require` });
    expect(secretOf({ sslmode: 'verify-ca', 'ca.crt': pem })).toEqual({ url: `${url}?sslmode=verify-ca`, 'ca.crt': pem });
    expect(secretOf({ sslmode: ' verify-full\n', 'ca.crt': pem })).toEqual({ url: `${url}?sslmode=verify-full`, 'ca.crt': pem });
  });

  test('has an empty list of authorities where those that Node trusts count', () => {
    expect(secretOf({ sslmode: 'verify-full' })).toEqual({ url: `${url}?sslmode=verify-full`, 'ca.crt': '' });
  });

  test('holds certificates alone, whatever stood beside them', () => {
    expect(secretOf({ sslmode: 'verify-full', 'ca.crt': `# ours\n${pair}${pem}` })['ca.crt']).toBe(pem + pem);
  });
});

describe("the administrators' Secret is refused, by name and with what to do, for", () => {
  const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  test.each<[string, () => Record<string, string>, string]>([
    ['an unknown mode', () => ({ sslmode: 'prefer' }), 'sslmode is "prefer"; it may be disable, require, verify-ca, verify-full'],
    ['verify-ca without an authority', () => ({ sslmode: 'verify-ca' }), 'sslmode verify-ca needs ca.crt'],
    [
      'an authority that nobody asks',
      () => ({ sslmode: 'require', 'ca.crt': pem }),
      'sslmode require checks no certificate: set verify-full',
    ],
    ['an authority without a mode', () => ({ 'ca.crt': pem }), 'sslmode disable checks no certificate: set verify-full'],
    ['an authority that is no PEM', () => ({ sslmode: 'verify-full', 'ca.crt': 'MIIB' }), 'ca.crt is not readable as certificates'],
    ['one unreadable of two', () => ({ sslmode: 'verify-full', 'ca.crt': pem + broken }), 'ca.crt is not readable as certificates'],
    [
      'more authorities than fit',
      () => ({ sslmode: 'verify-full', 'ca.crt': pem.repeat(200) }),
      'of at most 65536: leave out what did not sign',
    ],
  ])('%s', (_, more, message) => {
    expect(() => addressOf(more())).toThrow(`Secret "postgres-admin" in namespace "system": `);
    expect(() => addressOf(more())).toThrow(message);
  });
});
