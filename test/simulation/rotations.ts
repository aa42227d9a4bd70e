/** Credentials that are replaced because they are old, or because somebody asked for it. */
import { annotations, namespaceOf, namespaces, systemSecrets, tenantSecrets } from '@cloister/tenancy';
import type { Change, StoredObject } from 'kube-model';
import * as kinds from '../../operator/src/kinds.ts';
import { madeAtOf } from '../../operator/src/rotation/credential.ts';
import { acme, established } from './acme.ts';
import { bystander } from './person.ts';
import type { Workload } from './workloads.ts';

const hours = 3_600_000;
/** In days: short, so that few looks at Postgres and Redis fall into a life. */
const age = 2 / 24;

/** The times at which the credential of a Secret was replaced, as is noted on it. */
const replacements = (changes: readonly Change[], key: string): Set<number> => {
  const madeAt = (object: StoredObject): number => madeAtOf(kinds.secrets.accept(object)).getTime();
  const ofSecret = changes.filter((change) => change.served.kind.kind === kinds.secrets.kind && change.key === key);
  return new Set(ofSecret.flatMap(({ before, after }) => (before && after && madeAt(before) !== madeAt(after) ? [madeAt(after)] : [])));
};

const everybody = ['acme', bystander];
const inSystem = (name: string): string => `${namespaces.system}/${name}`;

/** Each of the Secrets got one new credential, and no more. */
const notOnce =
  (keys: readonly string[]) =>
  (changes: readonly Change[]): string[] =>
    keys
      .map((key) => ({ key, times: replacements(changes, key).size }))
      .filter(({ times }) => times !== 1)
      .map(({ key, times }) => `Secret ${key} was given a new credential ${times} times`);

export const rotations: readonly Workload[] = [
  {
    name: 'passwords and certificates get old, and are replaced',
    concernsAll: true,
    rotation: { databaseDays: age, redisDays: age, servingDays: age },
    before: [acme, ({ person }) => person.agent('acme', 'support')],
    // Each holder's live for three quarters to the whole of the age: until here nobody's is due, and hereafter all are, once.
    settledMs: 1.45 * hours,
    acts: [({ world }) => world.pass(0.6 * hours)],
    problemsIn: notOnce([
      ...[systemSecrets.egressDatabase, systemSecrets.egressRedis, systemSecrets.edgeRedis].map(inSystem),
      ...everybody.flatMap((tenant) =>
        [tenantSecrets.database, tenantSecrets.redis, tenantSecrets.serving].map((name) => `${namespaceOf(tenant)}/${name}`),
      ),
    ]),
  },
  {
    name: "edge's identity and the authority of agents are rotated on demand",
    concernsAll: true,
    before: established,
    acts: [
      async ({ person, world }) => {
        for (const name of [systemSecrets.edgeIdentity, systemSecrets.agentsAuthority])
          await person.edit(
            kinds.secrets,
            { name, namespace: namespaces.system },
            { metadata: { annotations: { [annotations.rotate]: 'first' } } },
          );
        // The last voucher of the old key lives for an hour.
        await world.pass(1.5 * hours);
      },
    ],
    problemsIn: notOnce([
      ...[systemSecrets.edgeIdentity, systemSecrets.agentsAuthority].map(inSystem),
      ...everybody.map((tenant) => `${namespaceOf(tenant)}/${tenantSecrets.serving}`),
    ]),
  },
];
