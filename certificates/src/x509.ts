/**
 * Makes X.509 certificates (RFC 5280) with ECDSA keys on P-256. Imported only when one has to be made: the library takes megabytes that an
 * operator at rest does not need.
 */
import { createHash, randomBytes } from 'node:crypto';
import { BitString, Integer, OctetString, Utf8String } from 'asn1js';
import {
  AttributeTypeAndValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtKeyUsage,
  Extension,
  GeneralName,
  GeneralNames,
  RelativeDistinguishedNames,
} from 'pkijs';
import type { KeyPair } from './key-pair.ts';

export interface CertificateWanted {
  readonly commonName: string;
  /** DNS names that a server proves with it. None makes an authority, which may sign servers' certificates and no further authority. */
  readonly dnsNames: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
const hash = 'SHA-256';

/** Signed by `issuer`, or by itself. */
export async function makeCertificate(wanted: CertificateWanted, issuer?: KeyPair): Promise<KeyPair> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const signer = issuer && Certificate.fromBER(der(issuer.certificate));
  const certificate = new Certificate();
  certificate.version = 2; // X.509 v3
  certificate.serialNumber = new Integer({ valueHex: positive(randomBytes(16)) });
  certificate.subject = named(wanted.commonName);
  certificate.issuer = signer?.subject ?? certificate.subject;
  certificate.notBefore.value = wanted.notBefore;
  certificate.notAfter.value = wanted.notAfter;
  await certificate.subjectPublicKeyInfo.importKey(keys.publicKey);
  certificate.extensions = [
    ...(wanted.dnsNames.length > 0 ? serverExtensions(wanted.dnsNames) : authorityExtensions()),
    ...keyIdentifiers(certificate, signer ?? certificate),
  ];
  await certificate.sign(issuer ? await signingKey(issuer.key) : keys.privateKey, hash);
  return {
    certificate: pem('CERTIFICATE', Buffer.from(certificate.toSchema(true).toBER())),
    key: pem('PRIVATE KEY', Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey))),
  };
}

function named(commonName: string): RelativeDistinguishedNames {
  const attribute = new AttributeTypeAndValue({ type: '2.5.4.3', value: new Utf8String({ value: commonName }) });
  return new RelativeDistinguishedNames({ typesAndValues: [attribute] });
}

const signingKey = (key: string): Promise<CryptoKey> => crypto.subtle.importKey('pkcs8', der(key), algorithm, false, ['sign']);

/** Bits of keyUsage, first to last: digitalSignature is 0x80, keyCertSign 0x04 (RFC 5280, 4.2.1.3). */
const usage = { digitalSignature: 0x80, keyCertSign: 0x04 };
const serverAuthentication = '1.3.6.1.5.5.7.3.1';

const authorityExtensions = (): Extension[] => [
  extension('2.5.29.19', true, new BasicConstraints({ cA: true, pathLenConstraint: 0 }).toSchema()),
  extension('2.5.29.15', true, new BitString({ valueHex: Uint8Array.of(usage.keyCertSign).buffer, unusedBits: 2 })),
];

const serverExtensions = (dnsNames: readonly string[]): Extension[] => [
  extension('2.5.29.19', true, new BasicConstraints({ cA: false }).toSchema()),
  extension('2.5.29.15', true, new BitString({ valueHex: Uint8Array.of(usage.digitalSignature).buffer, unusedBits: 7 })),
  extension('2.5.29.37', false, new ExtKeyUsage({ keyPurposes: [serverAuthentication] }).toSchema()),
  extension('2.5.29.17', false, new GeneralNames({ names: dnsNames.map((value) => new GeneralName({ type: 2, value })) }).toSchema()),
];

/** By which strict verifiers find the key that signed among several (RFC 5280, 4.2.1.1 and 4.2.1.2). */
const keyIdentifiers = (own: Certificate, signer: Certificate): Extension[] => [
  extension('2.5.29.14', false, keyIdentifier(own)),
  extension('2.5.29.35', false, new AuthorityKeyIdentifier({ keyIdentifier: keyIdentifier(signer) }).toSchema()),
];

/** RFC 7093, 2.1: the first 160 bits of the key's SHA-256. */
const keyIdentifier = ({ subjectPublicKeyInfo }: Certificate): OctetString => {
  const hashed = createHash('sha256').update(subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView).digest();
  return new OctetString({ valueHex: Uint8Array.from(hashed.subarray(0, 20)).buffer });
};

const extension = (extnID: string, critical: boolean, value: { toBER(): ArrayBuffer }): Extension =>
  new Extension({ extnID, critical, extnValue: value.toBER() });

/** A serial number is a positive integer: the first bit is its sign. */
function positive(bytes: Buffer): ArrayBuffer {
  const copy = Uint8Array.from(bytes);
  copy[0] = ((copy[0] ?? 0) & 0x7f) | 0x40;
  return copy.buffer;
}

const pem = (label: string, bytes: Buffer): string =>
  `-----BEGIN ${label}-----\n${(bytes.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END ${label}-----\n`;

const der = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text.replace(/-----[^-]+-----|\s/g, ''), 'base64'));
