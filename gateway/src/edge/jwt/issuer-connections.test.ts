/** Whom edge believes when it asks for an issuer's keys: by certificate and authority, under a change of each. */
import { makeAuthority, makeServerCertificate, type KeyPair } from '@cloister/certificates';
import { createLogger } from '@cloister/telemetry';
import { createServer } from 'node:https';
import { setDefaultCACertificates } from 'node:tls';
import { afterEach, expect, test } from 'vitest';
import { portOf } from '../../server/serve.ts';
import type { Authorities } from '../relay/agent-connections.ts';
import { issuerConnections } from './issuer-connections.ts';
import { discoverIssuerKeys } from './issuer-keys.ts';

const life = { from: new Date(), days: 1 };
const [known, own, next, stranger] = await Promise.all(['known', 'own', 'next', 'stranger'].map((name) => makeAuthority(name, life)));
if (!known || !own || !next || !stranger) throw new Error('four authorities were made');
// Whom Node trusts of itself: in the image those are the public ones.
setDefaultCACertificates([known.certificate]);

const ending: (() => unknown)[] = [];
afterEach(() => Promise.all(ending.splice(0).map((end) => end())));

interface Says {
  readonly keysAt?: (url: string) => string;
  readonly keys?: string;
}

/** Gives its URL. */
async function issuerWith(authority: KeyPair, { keysAt = (url) => `${url}/keys`, keys = '{"keys":[]}' }: Says = {}): Promise<string> {
  const { certificate: cert, key } = await makeServerCertificate(['localhost'], life, authority);
  const server = createServer({ cert, key }, (request, response) => {
    const isKeys = request.url === '/keys';
    response.end(isKeys ? keys : JSON.stringify({ issuer: url, jwks_uri: keysAt(url) }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ending.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const url = `https://localhost:${portOf(server)}`;
  return url;
}

/** Gives what edge makes of an issuer: `believed`, or what its log says. */
function edgeTrusting(authorities?: Authorities) {
  const connections = issuerConnections(authorities);
  ending.push(() => connections.close());
  return (issuer: string): Promise<string> => {
    const lines: string[] = [];
    const log = createLogger({ name: 'test', destination: { write: (line) => void lines.push(line) } });
    return discoverIssuerKeys(
      connections.ask,
      log,
    )(issuer).then(
      () => 'believed',
      () => lines.join(),
    );
  };
}

test.each<[string, Authorities | undefined, readonly boolean[]]>([
  ['nobody else is named', undefined, [true, false, false]],
  ['one more is named, which counts beside the known ones', { initial: own.certificate, onChange: () => undefined }, [true, true, false]],
])('an issuer is believed by its authority: %s', async (_, authorities, expected) => {
  const verdict = edgeTrusting(authorities);
  const verdicts = await Promise.all([known, own, stranger].map(async (authority) => verdict(await issuerWith(authority))));
  expect(verdicts.map((one) => one === 'believed')).toEqual(expected);
  expect(verdicts.at(-1)).toMatch(/certificate/);
});

test('what is named may change: the next question is judged by it', async () => {
  let change: (to: string) => void = () => undefined;
  const verdict = edgeTrusting({ initial: own.certificate, onChange: (take) => (change = take) });
  const [before, after] = [await issuerWith(own), await issuerWith(next)];
  expect([await verdict(before), await verdict(after)]).toEqual(['believed', expect.stringMatching(/certificate/)]);
  change(own.certificate + next.certificate);
  expect([await verdict(before), await verdict(after)]).toEqual(['believed', 'believed']);
  change(next.certificate);
  expect([await verdict(before), await verdict(after)]).toEqual([expect.stringMatching(/certificate/), 'believed']);
});

test('keys are not taken from where anybody on the way could change them', async () => {
  const issuer = await issuerWith(known, { keysAt: (url) => `${url.replace('https:', 'http:')}/keys` });
  expect(await edgeTrusting()(issuer)).toMatch(/do not come by https/);
});

test('what an issuer says fills no log', async () => {
  const issuer = await issuerWith(known, { keysAt: () => `http://issuer.example/${'x'.repeat(100_000)}` });
  const said = await edgeTrusting()(issuer);
  expect([said.includes('do not come by https'), said.length < 1_000]).toEqual([true, true]);
});

test('an answer without end is not read to its end', async () => {
  const issuer = await issuerWith(known, { keys: `{"keys":[],"x":"${'x'.repeat(2 * 1024 * 1024)}"}` });
  expect(await edgeTrusting()(issuer)).toMatch(/exceeded/i);
});
