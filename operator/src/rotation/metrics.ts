import { Gauge, type Registry } from '@cloister/telemetry';
import { systemSecrets, tenantSecrets } from '@cloister/tenancy';
import type { Caches } from '../caches.ts';
import { digest } from '../digest.ts';
import type { Secret } from '../kinds.ts';
import { identityIn } from '../platform/identity-secret.ts';
import { authoritiesIn } from '../serving/authority-secret.ts';
import { madeAtOf } from './credential.ts';

const ofTenants = [tenantSecrets.database, tenantSecrets.redis, tenantSecrets.serving] as const;

/** Read from what is known anyway, when it is asked for. */
export function credentialMetrics(registry: Registry, caches: Pick<Caches, 'secrets' | 'tenants' | 'platformSecrets'>): void {
  const made = digest(caches.secrets, (secret) => ({ name: secret.metadata.name, at: madeAtOf(secret).getTime() }));
  const waiting = digest(caches.tenants, ({ status }) =>
    ofTenants.flatMap((name) => {
      const one = status?.credentials?.[name];
      return one?.waitingFor === undefined ? [] : { name, since: Date.parse(one.since) };
    }),
  );
  const named = <V extends { readonly name: string }>(values: Iterable<V>, name: string): V[] =>
    Array.from(values).filter((value) => value.name === name);
  new Gauge({
    name: 'cloister_credential_age_seconds_max',
    help: 'Age of the oldest credential, by the Secret in which it stands',
    labelNames: ['credential'],
    registers: [registry],
    collect() {
      this.reset();
      for (const name of ofTenants) this.set({ credential: name }, longest(named(made(), name).map(({ at }) => at)));
      for (const [name, informer] of caches.platformSecrets)
        this.set({ credential: name }, longest(informer.list().map((secret) => madeAtOf(secret).getTime())));
    },
  });
  new Gauge({
    name: 'cloister_credential_rotating_seconds_max',
    help: 'How long the longest rotation under way has been waiting for the old credential to be let go of',
    labelNames: ['credential'],
    registers: [registry],
    collect() {
      const rotating = Array.from(waiting()).flat();
      for (const name of ofTenants) this.set({ credential: name }, longest(named(rotating, name).map(({ since }) => since)));
      const begun = caches.platformSecrets.get(systemSecrets.edgeIdentity)?.list().flatMap(identityRotatingSince) ?? [];
      this.set({ credential: systemSecrets.edgeIdentity }, longest(begun));
      const succeeded = caches.platformSecrets.get(systemSecrets.agentsAuthority)?.list().flatMap(authorityRotatingSince) ?? [];
      this.set({ credential: systemSecrets.agentsAuthority }, longest(succeeded));
    },
  });
}

function identityRotatingSince(secret: Secret): number[] {
  const identity = identityIn(secret);
  if (!identity || identity.trusted.length === 1) return [];
  return [(identity.next ?? identity.current).madeAt.getTime()];
}

function authorityRotatingSince(secret: Secret): number[] {
  const { signer, next, trusted } = authoritiesIn(secret, new Date());
  const latest = next ?? signer;
  return latest && trusted.length > 1 ? [latest.madeAt.getTime()] : [];
}

/** Seconds since the first of them; 0 where there is none. */
const longest = (times: readonly number[]): number => {
  const now = Date.now();
  return (now - times.reduce((first, time) => Math.min(first, time), now)) / 1000;
};
