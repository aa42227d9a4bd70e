import { generateIdentityKeys } from '@cloister/identity';
import { edgeKeys, type ProviderDocument, type TenantPolicy, type Voucher } from '@cloister/tenancy';
import { createLogger, createRegistry, type Registry } from '@cloister/telemetry';
import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { z } from 'zod';
import { CredentialDirectory, OwnKeyDirectory, PolicyDirectory, ProviderDirectory } from '../directory/directory.ts';
import { policyOf } from '../policy.fixture.ts';
import { voucherSigner } from '../voucher/sign-voucher.ts';
import { voucherVerifier } from '../voucher/verify-voucher.ts';
import { administrationStore } from './audit/administration/administration-store.ts';
import { Administration } from './audit/administration/administration.ts';
import { auditStore } from './audit/store.ts';
import { localCacheStore } from './cache/local-cache-store.ts';
import { ledger } from './budget/ledger.ts';
import { migrate } from './budget/migrate.ts';
import { pglite } from './budget/sql/pglite.fixture.ts';
import type { Sql } from './budget/sql/sql.ts';
import { startEgress, type EgressOptions } from './egress.ts';
import { podVerifier } from './pods/pod-token.ts';
import { everyBooks } from './usage/every-books.ts';
import { usageBooks } from './usage/usage-books.ts';

export const issuer = 'https://kubernetes.default.svc';

export interface TokenChanges {
  readonly audience?: string;
  readonly issuer?: string;
  readonly expiresIn?: string;
  readonly serviceAccount?: string;
  readonly uid?: string;
  readonly namespace?: string;
  readonly pod?: string;
}

const standing = z.object({ settled: z.number(), reserved: z.number(), tokens: z.number() });
export type Standing = z.infer<typeof standing>;

export interface EgressUnderTest extends AsyncDisposable {
  readonly url: string;
  readonly policies: PolicyDirectory;
  readonly providers: ProviderDirectory;
  readonly credentials: CredentialDirectory;
  readonly ownKeys: OwnKeyDirectory;
  readonly sql: Sql;
  readonly registry: Registry;
  /** Log lines, as written. */
  readonly lines: string[];
  /** Adds a tenant and gives a token of its agents' pods. */
  addTenant(name: string, policy?: Partial<TenantPolicy>): Promise<string>;
  tokenOf(tenant: string, changes?: TokenChanges): Promise<string>;
  /** What edge says of a caller of the tenant's agent "support". */
  vouch(tenant: string, voucher: Pick<Voucher, 'caller'> & Partial<Voucher>): Promise<string>;
  addProvider(name: string, changes?: Partial<ProviderDocument>): void;
  /** Money and tokens of the tenant's daily window. */
  standing(tenant: string): Promise<Standing>;
}

export const model = (name: string, changes: Partial<ProviderDocument['models'][number]> = {}): ProviderDocument['models'][number] => ({
  name,
  contextWindow: 128_000,
  maxOutputTokens: 1000,
  price: { inputPerMillion: 1, outputPerMillion: 2 },
  ...changes,
});

export async function egressUnderTest(options: Partial<EgressOptions> = {}): Promise<EgressUnderTest> {
  const database = await pglite();
  await migrate(database);
  const [policies, providers] = [new PolicyDirectory(), new ProviderDirectory()];
  const [credentials, ownKeys] = [new CredentialDirectory(), new OwnKeyDirectory()];
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256' }] });
  const identity = await generateIdentityKeys();
  const sign = await voucherSigner(identity.privateKey);
  const lines: string[] = [];
  const registry = createRegistry();
  const log = createLogger({ name: 'egress', destination: { write: (line) => void lines.push(line) } });
  const running = await startEgress({
    port: 0,
    policies,
    providers,
    credentials,
    ownKeys,
    verifyPod: podVerifier(issuer, keys),
    verifyVoucher: voucherVerifier(edgeKeys.parse(identity.jwks)),
    ledger: ledger(database),
    auditStore: auditStore(database),
    administration: new Administration(administrationStore(database), log),
    readUsage: usageBooks(database),
    readEveryUsage: everyBooks(database),
    cacheStore: localCacheStore(),
    systemNamespace: 'cloister-system',
    maxBodyBytes: 1024 * 1024,
    drainSeconds: 0,
    keptForMs: 0, // what is reserved then tells of calls alone, a second after the last
    ready: () => true,
    registry,
    log,
    ...options,
  });
  const tokenOf = (tenant: string, changes: TokenChanges = {}) =>
    new SignJWT({
      'kubernetes.io': {
        namespace: changes.namespace ?? `tenant-${tenant}`,
        serviceaccount: { name: changes.serviceAccount ?? 'agent', uid: changes.uid ?? `sa-${tenant}` },
        pod: { name: changes.pod ?? 'support-7d9c5f8b6-x2x4z', uid: 'p1' },
      },
    })
      .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
      .setIssuer(changes.issuer ?? issuer)
      .setAudience(changes.audience ?? 'cloister-egress')
      .setIssuedAt()
      .setExpirationTime(changes.expiresIn ?? '1h')
      .sign(privateKey);
  const addProvider = (name: string, changes: Partial<ProviderDocument> = {}) =>
    providers.put(`provider-${name}`, { name, type: 'OpenAICompatible', timeoutSeconds: 30, models: [model('m1')], ...changes });
  addProvider('offline', { type: 'Offline', models: [model('echo')] });
  return {
    url: `http://127.0.0.1:${running.port}`,
    policies,
    providers,
    credentials,
    ownKeys,
    sql: database,
    registry,
    lines,
    tokenOf,
    vouch: (tenant, voucher) => sign({ tenantUid: `uid-${tenant}`, agent: 'support', ...voucher }),
    addProvider,
    addTenant: (name, policy = {}) => {
      policies.put(`tenant-${name}`, policyOf(name, policy));
      return tokenOf(name);
    },
    standing: async (tenant) => {
      const text = `select settled_micro_usd::int as settled, reserved_micro_usd::int as reserved, settled_tokens::int as tokens
        from cloister_egress.budget_window where tenant_uid = $1 and kind = 'daily'`;
      return standing.parse((await database.query(text, [`uid-${tenant}`]))[0] ?? { settled: 0, reserved: 0, tokens: 0 });
    },
    [Symbol.asyncDispose]: async () => {
      await running.drain();
      await database[Symbol.asyncDispose]();
    },
  };
}

export const ask = (token: string, body: object, headers: Record<string, string> = {}) => ({
  method: 'POST',
  headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
  body: JSON.stringify({ messages: [{ role: 'user', content: 'Hi' }], ...body }),
});
