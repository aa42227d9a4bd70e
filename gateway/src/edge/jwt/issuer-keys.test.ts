/** What edge knows of an issuer's keys, as time passes and the issuer changes them. */
import { createLogger } from '@cloister/telemetry';
import { exportJWK, generateKeyPair, jwtVerify, SignJWT, type CryptoKey, type JWK } from 'jose';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { portOf } from '../../server/serve.ts';
import { issuerConnections } from './issuer-connections.ts';
import { discoverIssuerKeys } from './issuer-keys.ts';
import type { IssuerKeys } from './user-token.ts';

const minute = 60_000;

/** An issuer that serves the keys it is told to, where it is told to, unless it is away. */
class Issuer {
  readonly asked = { discovery: 0, keys: 0 };
  away = false;
  /** How often it was asked while away. */
  missed = 0;
  path = '/keys';
  names: string | undefined;
  /** Answers nothing before. */
  held: Promise<void> | undefined;
  readonly #served = new Map<string, JWK>();
  readonly #signing = new Map<string, CryptoKey>();
  readonly #server: Server = createServer((request, response) => void this.#answer(request, response));
  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.held;
    if (this.away) {
      this.missed++;
      return void response.writeHead(503).end();
    }
    const isKeys = request.url === this.path;
    this.asked[isKeys ? 'keys' : 'discovery']++;
    if (!isKeys && !request.url?.includes('.well-known')) return void response.writeHead(404).end();
    const body = isKeys ? { keys: [...this.#served.values()] } : { issuer: this.names ?? this.url, jwks_uri: `${this.url}${this.path}` };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }
  close(): Promise<unknown> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }
  get url(): string {
    return `http://127.0.0.1:${portOf(this.#server)}`;
  }
  async begins(kid: string): Promise<void> {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    this.#signing.set(kid, privateKey);
    this.#served.set(kid, { ...(await exportJWK(publicKey)), kid, alg: 'ES256' });
  }
  withdraws(kid: string): void {
    this.#served.delete(kid);
  }
  signedBy(kid: string): Promise<string> {
    const key = this.#signing.get(kid);
    if (!key) throw new Error(`there is no key "${kid}"`);
    return new SignJWT({}).setProtectedHeader({ alg: 'ES256', kid }).sign(key);
  }
}

let issuer: Issuer;
let keysOf: IssuerKeys;
const lines: string[] = [];
const log = createLogger({ name: 'test', destination: { write: (line) => void lines.push(line) } });
const connections = issuerConnections();
afterAll(() => connections.close());
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  issuer = await new Issuer().start();
  await issuer.begins('k1');
  keysOf = discoverIssuerKeys(connections.ask, log);
});
afterEach(async () => {
  vi.useRealTimers();
  await issuer.close();
});

const passes = (ms: number) => vi.setSystemTime(Date.now() + ms);
/** `valid`, or the code of why not. */
async function verdictOn(kid: string): Promise<string> {
  try {
    await jwtVerify(await issuer.signedBy(kid), await keysOf(issuer.url));
    return 'valid';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
}
const noKey = 'ERR_JWKS_NO_MATCHING_KEY';

const fifty = Array.from({ length: 50 }, () => 'k1');
const allValid = fifty.map(() => 'valid');

test('however many tokens come, the issuer is asked once in eight minutes', async () => {
  expect(await Promise.all(fifty.map(verdictOn))).toEqual(allValid);
  passes(8 * minute - 1_000);
  expect(await verdictOn('k1')).toBe('valid');
  expect(issuer.asked).toEqual({ discovery: 1, keys: 1 });
  passes(1_000);
  expect(await Promise.all(fifty.map(verdictOn))).toEqual(allValid);
  await expect.poll(() => issuer.asked).toEqual({ discovery: 2, keys: 2 });
  passes(7 * minute);
  expect(await Promise.all(fifty.map(verdictOn))).toEqual(allValid);
  expect(issuer.asked).toEqual({ discovery: 2, keys: 2 });
});

test('no token whose key is at hand waits for the issuer, whose silence is noticed when keys are too old', async () => {
  expect(await verdictOn('k1')).toBe('valid');
  passes(9 * minute);
  expect(await verdictOn('k1')).toBe('valid');
  await expect.poll(() => issuer.asked).toEqual({ discovery: 2, keys: 2 });
  passes(8 * minute);
  let answerAtLast = (): void => undefined;
  issuer.held = new Promise((resolve) => (answerAtLast = resolve));
  expect(await Promise.all(fifty.map(verdictOn))).toEqual(allValid);
  passes(2 * minute);
  const late = verdictOn('k1');
  issuer.withdraws('k1');
  await issuer.begins('k2');
  answerAtLast();
  expect(await late, 'without the issuer nobody knows').toBe(noKey);
});

describe('a key that the issuer', () => {
  test('has begun to use is known with its first tokens, and the one before still is', async () => {
    await verdictOn('k1');
    await issuer.begins('k2');
    expect(await Promise.all(fifty.map(() => verdictOn('k2')))).toEqual(allValid);
    expect(await verdictOn('k1')).toBe('valid');
    expect(issuer.asked.keys).toBe(2);
  });

  test('does not have is asked for every 30 s at most, whoever names it', async () => {
    await issuer.begins('gone');
    issuer.withdraws('gone');
    await verdictOn('k1');
    for (let token = 0; token < 20; token++) expect(await verdictOn('gone')).toBe(noKey);
    expect(issuer.asked.keys).toBe(2);
    passes(31_000);
    for (let token = 0; token < 20; token++) expect(await verdictOn('gone')).toBe(noKey);
    expect(issuer.asked.keys).toBe(3);
  });

  test('has withdrawn is worth nothing after ten minutes', async () => {
    expect(await verdictOn('k1')).toBe('valid');
    await issuer.begins('k2');
    issuer.withdraws('k1');
    passes(10 * minute + 1);
    expect(await verdictOn('k1')).toBe(noKey);
    expect(await verdictOn('k2')).toBe('valid');
  });
});

test('keys that the issuer has moved elsewhere are found there after ten minutes', async () => {
  expect(await verdictOn('k1')).toBe('valid');
  issuer.path = '/keys-of-2026';
  passes(10 * minute + 1);
  expect(await verdictOn('k1')).toBe('valid');
});

describe('an issuer that is away', () => {
  test('is not missed for ten minutes; after that nobody can say whether a token is valid, until it is back', async () => {
    expect(await verdictOn('k1')).toBe('valid');
    issuer.away = true;
    passes(9 * minute);
    expect(await verdictOn('k1')).toBe('valid');
    passes(2 * minute);
    expect(await verdictOn('k1')).toBe('issuer_unreachable');
    issuer.away = false;
    passes(5_000);
    expect(await verdictOn('k1')).toBe('valid');
  });

  test('is asked again every 5 s at most also when its keys are too old, however many tokens come, and the log says why', async () => {
    await verdictOn('k1');
    issuer.away = true;
    lines.length = 0;
    passes(11 * minute);
    for (const times of [1, 2]) {
      expect(await Promise.all(fifty.map(verdictOn))).toEqual(fifty.map(() => 'issuer_unreachable'));
      expect(await verdictOn('k1')).toBe('issuer_unreachable');
      expect([issuer.missed, lines.length]).toEqual([times, times]);
      passes(5_000);
    }
    expect(lines[0]).toContain('answered 503');
  });

  test('from the beginning is asked again after 5 s, and not with every token', async () => {
    issuer.away = true;
    expect(await verdictOn('k1')).toBe('issuer_unreachable');
    issuer.away = false;
    passes(4_900);
    expect(await verdictOn('k1')).toBe('issuer_unreachable');
    expect(issuer.asked.discovery).toBe(0);
    passes(200);
    expect(await verdictOn('k1')).toBe('valid');
  });

  test('is asked for a new key as seldom, whose tokens nobody can judge meanwhile, and the log says why', async () => {
    await verdictOn('k1');
    await issuer.begins('k2');
    lines.length = 0;
    issuer.away = true;
    expect([await verdictOn('k2'), await verdictOn('k1')]).toEqual(['issuer_unreachable', 'valid']);
    issuer.away = false;
    passes(4_900);
    expect(await verdictOn('k2')).toBe('issuer_unreachable');
    passes(200);
    expect(await verdictOn('k2')).toBe('valid');
    expect(lines).toEqual([expect.stringMatching(new RegExp(`"issuer":"${issuer.url}","reason":"Expected 200 OK`))]);
  });
});

test('a document that speaks for another issuer is not believed', async () => {
  issuer.names = 'https://id.example.com';
  expect(await verdictOn('k1')).toBe('issuer_unreachable');
  expect(issuer.asked.keys).toBe(0);
});
