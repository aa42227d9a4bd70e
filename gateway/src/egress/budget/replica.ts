/**
 * All that this process holds of tenants' budgets, and its conversation with the ledger: one numbered message at a time, said again until it
 * is answered. No clock, network or database of its own.
 */
import { idleAfter } from './account-lease.ts';
import { isNothing, nothing, type Amount } from './amount.ts';
import type { Answer, Growth, LeaseKey, Message, Usage } from './ledger.ts';
import { agentAccount, callerAccount, tenantOf } from './limits.ts';
import { TenantLease, type Waiting } from './tenant-lease.ts';

/**
 * Milliseconds after which a replica that holds nothing speaks as a new one. The ledger took it for dead after seconds, which costs nothing; but after a
 * week it does not know it any more, and what that one says is not taken.
 */
const longSilence = 3_600_000;

export class Replica {
  readonly #newId: () => string;
  readonly #keptFor: number | undefined;
  #id: string;
  #number = 0;
  /** When the ledger last answered. */
  #heardAt = 0;
  /** Has said good-bye. */
  #gone = false;
  #outstanding: Message | undefined;
  /** When that was made. */
  #madeAt = 0;
  readonly #tenants = new Map<string, TenantLease>();
  readonly #callerLines = { count: 0 };

  constructor(newId: () => string, keptForMs?: number) {
    this.#newId = newId;
    this.#keptFor = keptForMs;
    this.#id = newId();
  }

  get id(): string {
    return this.#id;
  }

  of(tenantUid: string): TenantLease {
    const known = this.#tenants.get(tenantUid);
    if (known) return known;
    const tenant = new TenantLease(tenantUid, this.#callerLines, this.#keptFor);
    this.#tenants.set(tenantUid, tenant);
    return tenant;
  }

  /** Calls whose cost the ledger has not confirmed. */
  get unreported(): number {
    const sent = this.#outstanding?.usage.reduce((sum, { requests }) => sum + requests, 0) ?? 0;
    return [...this.#tenants.values()].reduce((sum, tenant) => sum + tenant.unreported, sent);
  }

  /** Tenants of whose budget something is held here. */
  get leases(): number {
    return [...this.#tenants.values()].filter(({ holdsAny }) => holdsAny).length;
  }

  /** The ledger is to hear from this replica: something is to be told, or it would think the holder of leases dead. */
  get hasToSpeak(): boolean {
    return this.#outstanding !== undefined || this.#tenants.values().some(({ unreported, holdsAny }) => unreported > 0 || holdsAny);
  }

  /** It may not end without another word: something is to be told, or the ledger counts it among the living. */
  get owesWord(): boolean {
    return this.#outstanding !== undefined || this.unreported > 0 || (this.#number > 0 && !this.#gone);
  }

  /**
   * The message that was not answered yet. One for which a second has passed asks for nothing any more: limits may have been lowered since, and what is
   * given under the old ones would count against who keeps to the new.
   */
  outstanding(now: number): Message | undefined {
    if (this.#outstanding && now - this.#madeAt >= idleAfter) this.#outstanding = withoutWishes(this.#outstanding);
    return this.#outstanding;
  }

  /** The message to say now: the one that was not answered, or else a new one. */
  message(now: number, about: 'those who wait' | 'all' | 'the end', waiting: ReadonlyMap<string, readonly Waiting[]> = new Map()): Message {
    const unanswered = this.outstanding(now);
    if (unanswered) return unanswered;
    this.#changeNameAfterSilence(now);
    this.#madeAt = now;
    const leaving = about === 'the end';
    const usage: Usage[] = [];
    const returns: (LeaseKey & Amount)[] = [];
    for (const uid of about === 'those who wait' ? waiting.keys() : this.#tenants.keys()) {
      const tenant = this.of(uid);
      const calls = leaving ? [] : waiting.get(uid);
      if (!leaving && calls === undefined && !tenant.isDue(now)) continue;
      const report = tenant.report(now, leaving ? 'nothing' : 'slice', calls);
      usage.push(...report.usage);
      returns.push(...report.returns);
      if (calls === undefined && tenant.isEmpty(now)) this.#tenants.delete(uid);
    }
    const asks: Growth[] = [...waiting].flatMap(([uid, calls]) => this.of(uid).growth(calls, now));
    this.#outstanding = { replica: this.#id, number: ++this.#number, leaving, usage, returns, asks };
    return this.#outstanding;
  }

  /** Takes the answer to a message that was sent at `sentAt`. */
  heard(message: Message, answer: Answer, sentAt: number, now: number): void {
    if (message !== this.#outstanding) return;
    if (answer === 'forgotten') {
      this.startAnew();
      return;
    }
    this.#outstanding = undefined;
    this.#heardAt = now;
    this.#gone = message.leaving;
    const said = accountsIn(message);
    const asking = new Set(message.asks.map(({ tenantUid }) => tenantOf(tenantUid)));
    const zones = new Map(message.asks.map(({ tenantUid, timeZone }) => [tenantUid, timeZone]));
    const leases = Map.groupBy(answer.leases, ({ tenantUid }) => tenantOf(tenantUid));
    const present = Map.groupBy(answer.present, ({ tenantUid }) => tenantOf(tenantUid));
    for (const uid of leases.keys()) {
      const tenant = this.of(uid);
      const told = { ...answer, leases: leases.get(uid) ?? [], present: present.get(uid) ?? [] };
      tenant.learn(
        told,
        sentAt,
        (account) => zones.get(account),
        (account) => !said.has(account),
      );
      // Who asked is attended to first: what was told may be all there is to know, however long the answer took.
      if (!asking.has(uid) && tenant.isEmpty(now)) this.#tenants.delete(uid);
    }
  }

  /**
   * As another replica, with empty hands. What this one holds is left to expire and so counts as spent, calls in progress with it; whether
   * its last message was taken is not known, so it is not said again. What was used without a lease since then is.
   */
  startAnew(): void {
    this.#changeName();
    this.#outstanding = undefined;
    for (const tenant of this.#tenants.values()) tenant.forget();
  }

  #changeNameAfterSilence(now: number): void {
    if (this.#number > 0 && now - this.#heardAt > longSilence && this.leases === 0) this.#changeName();
  }

  #changeName(): void {
    this.#id = this.#newId();
    this.#number = 0;
    this.#gone = false;
  }
}

/** The ledger tells of the same accounts, and gives nothing, unless it had before. */
function withoutWishes(message: Message): Message {
  if (message.asks.every(({ need, want }) => isNothing(need) && isNothing(want))) return message;
  return { ...message, asks: message.asks.map((ask) => ({ ...ask, need: nothing, want: nothing })) };
}

/** Of whose leases a message says something: the answer tells of them for that. */
function accountsIn({ usage, returns, asks }: Message): ReadonlySet<string> {
  const used = usage.flatMap(({ tenantUid, agent, caller, tenantLeased, agentLeased, callerLeased }) => [
    ...(tenantLeased ? [tenantUid] : []),
    ...(agentLeased ? [agentAccount(tenantUid, agent)] : []),
    ...(callerLeased ? [callerAccount(tenantUid, caller)] : []),
  ]);
  return new Set([...used, ...[...returns, ...asks].map(({ tenantUid }) => tenantUid)]);
}
