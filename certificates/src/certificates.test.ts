import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type ConnectionOptions } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { certificatesIn, makeAuthority, makeServerCertificate, readCertificate, readPair, textOf, type KeyPair } from './index.ts';

const now = new Date(Math.floor(Date.now() / 1000) * 1000);
const life = { from: now, days: 10 };
const names = ['*.tenant-acme.svc'] as const;
const authority = await makeAuthority('test', life);
const ofAcme = await makeServerCertificate(names, life, authority);
const another = await makeAuthority('test', life);
const fromAcme = await makeServerCertificate(['*.tenant-bravo.svc'], life, ofAcme);
const byAServer = { ...fromAcme, certificate: fromAcme.certificate + ofAcme.certificate };
const hours = (count: number) => new Date(now.getTime() + count * 3_600_000);
const ended = await makeServerCertificate(names, { from: hours(-24), days: 0.5 }, authority);
const ofAFastClock = await makeServerCertificate(names, { from: hours(0.5), days: 1 }, authority);

/** What a client of Node's makes of a server that shows the certificate. */
async function reach(shown: KeyPair, options: ConnectionOptions): Promise<string> {
  const server = createServer({ key: textOf(shown), cert: textOf(shown), minVersion: 'TLSv1.3' }, (socket) => socket.end());
  server.on('tlsClientError', () => undefined);
  onTestFinished(() => void server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('the server does not listen');
  const socket = connect({ port: address.port, host: '127.0.0.1', ...options });
  try {
    await once(socket, 'secureConnect');
    return socket.getProtocol() ?? '';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  } finally {
    socket.destroy();
  }
}

const trusting = (...authorities: readonly KeyPair[]) => ({ ca: authorities.map(({ certificate }) => certificate) });

describe('a server’s certificate', () => {
  test.each([
    ['for a name that it stands for', ofAcme, 'support.tenant-acme.svc', [authority], 'TLSv1.3'],
    ['for a server of another', ofAcme, 'support.tenant-bravo.svc', [authority], 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['for a name with more labels', ofAcme, 'a.support.tenant-acme.svc', [authority], 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['that nobody signed who is trusted', ofAcme, 'support.tenant-acme.svc', [another], /^(UNABLE|SELF_SIGNED)/],
    ['while another authority is trusted beside its own', ofAcme, 'support.tenant-acme.svc', [another, authority], 'TLSv1.3'],
    ['that a server signed, which is no authority', byAServer, 'support.tenant-bravo.svc', [authority], /INVALID_CA|UNSPECIFIED/],
    ['that has run out', ended, 'support.tenant-acme.svc', [authority], 'CERT_HAS_EXPIRED'],
    ['of a clock that is half an hour ahead', ofAFastClock, 'support.tenant-acme.svc', [authority], 'TLSv1.3'],
  ])('%s', async (_, shown, servername, authorities, expected) => {
    expect(await reach(shown, { ...trusting(...authorities), servername })).toMatch(expected);
  });

  test('says what it is for, and is signed by whom it names', () => {
    const [signer, own] = [new X509Certificate(authority.certificate), new X509Certificate(ofAcme.certificate)];
    expect([own.ca, signer.ca]).toEqual([false, true]);
    expect(own.subjectAltName).toBe('DNS:*.tenant-acme.svc');
    expect(own.checkIssued(signer)).toBe(true);
    expect(own.verify(signer.publicKey)).toBe(true);
    expect([own.validFromDate.getTime(), own.validToDate.getTime()]).toEqual([now.getTime() - 3_600_000, now.getTime() + 864_000_000]);
  });

  test('has a serial number, a key and an authority’s name of its own', async () => {
    const others = await Promise.all([makeServerCertificate(names, life, authority), makeServerCertificate(names, life, authority)]);
    const read = [ofAcme, ...others].map(({ certificate }) => new X509Certificate(certificate));
    expect(new Set(read.map(({ serialNumber }) => serialNumber)).size).toBe(3);
    expect(new Set(read.map(({ publicKey }) => publicKey.export({ format: 'pem', type: 'spki' }))).size).toBe(3);
    expect(new X509Certificate(another.certificate).subject).not.toBe(read[0]?.issuer);
  });
});

describe('what was written is read back', () => {
  test('a certificate with its key', () => {
    expect(readPair(textOf(ofAcme))).toEqual(ofAcme);
    expect(readPair(`${ofAcme.key}\n${ofAcme.certificate}`)).toEqual(ofAcme);
  });

  test.each([
    ['nothing', undefined],
    ['an empty text', ''],
    ['a certificate without a key', ofAcme.certificate],
    ['a key without a certificate', ofAcme.key],
    ['another’s key', ofAcme.certificate + authority.key],
    ['more than one certificate', textOf(ofAcme) + authority.certificate],
    ['what is cut off', textOf(ofAcme).slice(0, -40)],
    ['a certificate of which bytes are missing', textOf(ofAcme).replace(/\n.{64}\n/, '\n')],
  ])('%s is no pair', (_, text) => {
    expect(readPair(text)).toBeUndefined();
  });

  test('several certificates, in their order', () => {
    expect(certificatesIn(textOf(authority) + textOf(ofAcme))).toEqual([authority.certificate, ofAcme.certificate]);
    expect([certificatesIn(undefined), readCertificate('none'), readCertificate(undefined)]).toEqual([[], undefined, undefined]);
  });
});
