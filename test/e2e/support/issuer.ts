/** An OpenID Connect issuer in a pod of the cluster. Tests sign for it: what the pod has is what it publishes. */
import { makeAuthority, makeServerCertificate } from '@cloister/certificates';
import { namespaces } from '@cloister/tenancy';
import { CompactSign, exportJWK, generateKeyPair, type CryptoKey, type JWK } from 'jose';
import type { World } from './world.ts';

const folder = { tls: '/tls', keys: '/keys' };
const port = 443; // where the chart lets edge go for issuers' keys

const serve = `
const { readFileSync } = require('node:fs');
const [cert, key] = ['tls.crt', 'tls.key'].map((name) => readFileSync('${folder.tls}/' + name));
const issuer = process.env.ISSUER;
require('node:https').createServer({ cert, key }, (request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(request.url === '/keys' ? readFileSync('${folder.keys}/jwks.json') : JSON.stringify({ issuer, jwks_uri: issuer + '/keys' }));
}).listen(${port});`;
const publish = `require('node:fs').writeFileSync('${folder.keys}/jwks.json', process.argv[1])`;

/** One that it signs with, and may publish. */
export interface IssuerKey {
  readonly published: JWK;
  readonly publicKey: CryptoKey;
  readonly privateKey: CryptoKey;
}

export async function newIssuerKey(kid: string, alg: 'RS256' | 'ES256'): Promise<IssuerKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { privateKey, publicKey, published: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

export class ClusterIssuer implements AsyncDisposable {
  readonly #world: World;
  readonly #namespace: string;
  /** Of whoever signed its certificate, as PEM. */
  readonly authority: string;

  private constructor(world: World, namespace: string, authority: string) {
    this.#world = world;
    this.#namespace = namespace;
    this.authority = authority;
  }

  get url(): string {
    return `https://issuer.${this.#namespace}.svc`;
  }

  /** In a namespace of its own, publishing no keys yet. */
  static async start(world: World, namespace: string): Promise<ClusterIssuer> {
    const life = { from: new Date(), days: 1 };
    const authority = await makeAuthority('issuers', life);
    const issuer = new ClusterIssuer(world, namespace, authority.certificate);
    const { certificate, key } = await makeServerCertificate([new URL(issuer.url).hostname], life, authority);
    const image = await world.kubectl.run(['get', 'deployment', 'edge', '-n', namespaces.system, '-o', 'jsonpath={..containers[0].image}']);
    await world.kubectl.apply([
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'tls', namespace },
        type: 'kubernetes.io/tls',
        stringData: { 'tls.crt': certificate, 'tls.key': key },
      },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'issuer', namespace },
        spec: { selector: { app: 'issuer' }, ports: [{ port }] },
      },
      issuer.#pod(image),
    ]);
    await world.kubectl.run(['wait', 'pod/issuer', '-n', namespace, '--for=condition=Ready', '--timeout=60s']);
    await issuer.publishes();
    return issuer;
  }

  #pod(image: string): object {
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'issuer', namespace: this.#namespace, labels: { app: 'issuer' } },
      spec: {
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 0,
        securityContext: {
          runAsNonRoot: true,
          runAsUser: 65532,
          fsGroup: 65532,
          sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: String(port) }],
        },
        containers: [
          {
            name: 'issuer',
            image,
            command: ['node', '-e', serve],
            env: [{ name: 'ISSUER', value: this.url }],
            readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
            volumeMounts: [
              { name: 'tls', mountPath: folder.tls },
              { name: 'keys', mountPath: folder.keys },
            ],
          },
        ],
        volumes: [
          { name: 'tls', secret: { secretName: 'tls' } },
          { name: 'keys', emptyDir: {} },
        ],
      },
    };
  }

  /** These from now on, and no others. */
  async publishes(...keys: readonly IssuerKey[]): Promise<void> {
    const set = JSON.stringify({ keys: keys.map(({ published }) => published) });
    await this.#world.kubectl.run(['exec', 'issuer', '-n', this.#namespace, '--', 'node', '-e', publish, set]);
  }

  /** A token of five minutes, whatever the claims say otherwise: undefined leaves one out. */
  sign({ published: { kid = '', alg = '' }, privateKey }: IssuerKey, claims: object): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const payload = JSON.stringify({ iss: this.url, sub: 'ada', iat: now, exp: now + 300, ...claims });
    return new CompactSign(Buffer.from(payload)).setProtectedHeader({ alg, kid }).sign(privateKey);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#world.kubectl.run(['delete', 'namespace', this.#namespace, '--ignore-not-found', '--wait=false']);
  }
}
