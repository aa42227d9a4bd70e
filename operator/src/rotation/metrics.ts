import { Gauge, type Registry } from '@cloister/telemetry';
import { systemSecrets, tenantSecrets } from '@cloister/tenancy';
import type { Caches } from '../caches.ts';
import type { Secret } from '../kinds.ts';
import { identityIn } from '../platform/identity-secret.ts';
import { madeAtOf } from './credential.ts';

const ofTenants = [tenantSecrets.database, tenantSecrets.redis] as const;

/** Read from what is known anyway, when it is asked for. */
export function credentialMetrics(registry: Registry, caches: Pick<Caches, 'secrets' | 'tenants' | 'platformSecrets'>): void {
  new Gauge({
    name: 'cloister_credential_age_seconds_max',
    help: 'Age of the oldest credential, by the Secret in which it stands',
    labelNames: ['credential'],
    registers: [registry],
    collect() {
      this.reset();
      for (const name of ofTenants)
        this.set({ credential: name }, oldest(caches.secrets.list().filter(({ metadata }) => metadata.name === name)));
      for (const [name, informer] of caches.platformSecrets) this.set({ credential: name }, oldest(informer.list()));
    },
  });
  new Gauge({
    name: 'cloister_credential_rotating_seconds_max',
    help: 'How long the longest rotation under way has been waiting for the old credential to be let go of',
    labelNames: ['credential'],
    registers: [registry],
    collect() {
      for (const name of ofTenants) {
        const begun = caches.tenants
          .list()
          .map(({ status }) => status?.credentials?.[name])
          .flatMap((one) => (one?.waitingFor === undefined ? [] : Date.parse(one.since)));
        this.set({ credential: name }, secondsSince(Math.min(Date.now(), ...begun)));
      }
      const begun = caches.platformSecrets.get(systemSecrets.edgeIdentity)?.list().flatMap(identityRotatingSince) ?? [];
      this.set({ credential: systemSecrets.edgeIdentity }, secondsSince(Math.min(Date.now(), ...begun)));
    },
  });
}

function identityRotatingSince(secret: Secret): number[] {
  const identity = identityIn(secret);
  if (!identity || identity.trusted.length === 1) return [];
  return [(identity.next ?? identity.current).madeAt.getTime()];
}

const oldest = (secrets: readonly Secret[]): number =>
  secondsSince(Math.min(Date.now(), ...secrets.map((secret) => madeAtOf(secret).getTime())));
const secondsSince = (ms: number): number => Math.max(0, (Date.now() - ms) / 1000);
