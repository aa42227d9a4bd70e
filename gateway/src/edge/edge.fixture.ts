import { makeAuthority } from '@cloister/certificates';
import { callerSigner, createApiKey, generateIdentityKeys, hashApiKey, parseApiKey, type IdentityKeys } from '@cloister/identity';
import { edgeIssuer, type Scope, type TenantAccess, type TenantPolicy } from '@cloister/tenancy';
import { createLogger, createRegistry, type Registry } from '@cloister/telemetry';
import { AccessDirectory, PolicyDirectory } from '../directory/directory.ts';
import { policyOf } from '../policy.fixture.ts';
import { voucherSigner } from '../voucher/sign-voucher.ts';
import { startEdge, type EdgeOptions } from './edge.ts';
import { localKeyStore } from './issued-keys/local-key-store.ts';
import { localUseStore } from './key-uses/local-use-store.ts';
import { LocalLimiter } from './rate-limit/local-limiter.ts';

export interface EdgeUnderTest extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly policies: PolicyDirectory;
  readonly access: AccessDirectory;
  readonly identity: IdentityKeys;
  readonly registry: Registry;
  /** Log lines, as written. */
  readonly lines: string[];
  readonly drain: () => Promise<void>;
  /** Adds a tenant and gives one API key of it. */
  addTenant(name: string, policy?: Partial<TenantPolicy>, scopes?: readonly Scope[]): string;
  setAccess(name: string, access: Partial<TenantAccess>): void;
}

const { certificate } = await makeAuthority('nobody', { from: new Date(), days: 1 });

/** A running edge with directories that tests fill by hand. Every host that is no tenant's is shared. */
export async function edgeUnderTest(options: Partial<EdgeOptions> = {}): Promise<EdgeUnderTest> {
  const [policies, access, identity] = [new PolicyDirectory(), new AccessDirectory(), await generateIdentityKeys()];
  const lines: string[] = [];
  const registry = createRegistry();
  const running = await startEdge({
    port: 0,
    policies,
    access,
    sharedHosts: new Set(['*']),
    sign: await callerSigner(identity.privateKey, edgeIssuer),
    signVoucher: await voucherSigner(identity.privateKey),
    authorities: { initial: certificate, onChange: () => undefined },
    limiter: new LocalLimiter(),
    useStore: localUseStore(),
    askUsage: () => Promise.reject(new Error('this test has no egress')),
    keyStore: localKeyStore(access.issued),
    keyRevoked: () => undefined,
    connectionBounds: { total: 4096, perAddress: 4096 },
    maxBodyBytes: 1024 * 1024,
    drainSeconds: 0,
    ready: () => true,
    registry,
    log: createLogger({ name: 'edge', destination: { write: (line) => void lines.push(line) } }),
    ...options,
  });
  const setAccess = (name: string, changes: Partial<TenantAccess>) =>
    access.put(`tenant-${name}`, { tenant: name, apiKeys: [], oidc: [], ...changes });
  return {
    url: `http://127.0.0.1:${running.port}`,
    port: running.port,
    policies,
    access,
    identity,
    registry,
    lines,
    drain: running.drain,
    setAccess,
    addTenant: (name, policy = {}, scopes = ['chat', 'settings']) => {
      const key = createApiKey(name);
      policies.put(`tenant-${name}`, policyOf(name, policy));
      setAccess(name, { apiKeys: [{ id: parseApiKey(key)?.id ?? '', name: 'default', hash: hashApiKey(key), scopes: [...scopes] }] });
      return key;
    },
    [Symbol.asyncDispose]: () => running.drain(),
  };
}

export const agentsAt = (url: string, ...names: readonly string[]): Pick<TenantPolicy, 'agents' | 'defaultAgent'> => ({
  agents: names.map((name) => ({ name, url })),
  ...(names[0] === undefined ? {} : { defaultAgent: names[0] }),
});
