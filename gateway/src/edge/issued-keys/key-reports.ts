/**
 * Tells egress, which keeps the audit, of keys that come and go.
 *
 * Every replica tells of every key that it sees come or go, and egress puts each on record once. So nothing is missing because a replica died,
 * or egress was away. Who revoked a key only the replica knows that was asked to, so the others let it speak first.
 */
import type { IssuedKey, KeyReport, KnownKey } from '@cloister/tenancy';
import type { Logger } from '@cloister/telemetry';
import type { Source } from '../../directory/directory.ts';
import { Outbox } from '../../server/outbox.ts';

/** Milliseconds after a key has gone: by then the answer to who asked for that is here, if it comes at all; and then it is told without. */
const patience = { own: 1_000, others: 5_000 };

/** Rejects where egress did not take it. */
export type SendReports = (reports: readonly KeyReport[]) => Promise<void>;

export interface KeyReports extends Source<IssuedKey> {
  /** This replica has revoked a key, for this subject. */
  readonly revoked: (tenantUid: string, id: string, by: string) => void;
  /** A key that egress takes to be there is not, since when nobody knows. */
  readonly tellGone: (key: KnownKey) => void;
  /** Tries for the last time. */
  close(): Promise<void>;
}

export function keyReports(into: Source<IssuedKey>, send: SendReports, log: Logger, wait = patience): KeyReports {
  const outbox = new Outbox<KeyReport>({ what: 'tell egress of API keys', log, deliver: send, together: 100 });
  const there = new Map<string, IssuedKey>();
  const revokers = new Map<string, string>();
  const pending = new Set<() => void>();
  const later = (ms: number, work: () => void) => {
    const act = () => {
      clearTimeout(timer);
      pending.delete(act);
      work();
    };
    const timer = setTimeout(act, ms);
    pending.add(act);
  };
  const gone = ({ tenant, uid: tenantUid, id }: IssuedKey, by?: string) => {
    revokers.delete(nameOf(tenantUid, id));
    outbox.put({ tenant, tenantUid, id, ...(by !== undefined && { by }) });
  };
  return {
    put: (name, key, version) => {
      into.put(name, key, version);
      there.set(name, key);
      const { tenant, uid: tenantUid, id, hash: _hash, ...rest } = key;
      outbox.put({ tenant, tenantUid, id, key: rest, by: key.issuedBy });
    },
    remove: (name, version) => {
      into.remove(name, version);
      const key = there.get(name);
      if (!key) return;
      there.delete(name);
      const revoker = () => revokers.get(nameOf(key.uid, key.id));
      later(wait.own, () => {
        if (revoker() !== undefined) gone(key, revoker());
        else later(wait.others - wait.own, () => gone(key, revoker()));
      });
    },
    revoked: (tenantUid, id, by) => void revokers.set(nameOf(tenantUid, id), by),
    tellGone: (key) => outbox.put(key),
    close: () => {
      while (pending.size > 0) for (const act of pending) act();
      return outbox.close();
    },
  };
}

const nameOf = (tenantUid: string, id: string): string => `${tenantUid} ${id}`;
