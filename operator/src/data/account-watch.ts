/**
 * Watches accounts on a server that tells nobody of changes.
 *
 * What was found in order is believed, by a digest of what was found, until a patrol finds another one: it reads all accounts again within each
 * period, a hundred at a time, and tells whose has changed. So a reconcile asks the server nothing, unless there is something to do.
 * Guarantees: a change is told within `seconds`, whoever made it; so is a server that is away for longer than a moment, for every account. Nothing is
 * written. Assumptions: whoever changes an account forgets it first.
 */
import DataLoader from 'dataloader';
import type { Look } from './look.ts';

interface Belief<Account> {
  readonly account: Account;
  readonly tenant: string;
  readonly inputs: string;
  readonly digest: string | undefined;
}

export interface AccountWatchOptions<Account, Wanted> {
  readonly seconds: number;
  readonly look: (accounts: readonly Account[]) => Promise<readonly Look<Wanted>[]>;
  /** Told once for each change, by the name of the tenant. */
  readonly drifted: (tenant: string) => void;
}

const mostAtOnce = 100;
/** How long a look waits for others, to be one with them: a thousand tenants are looked at after each start. */
const gatherMs = 5;
/** A server that is away for no longer than this is nobody's business. */
const patienceMs = 5_000;
/** The part of the period over which one patrol is spread: what comes in during one is seen by the next, within the period. */
const spreadOver = 0.5;

export class AccountWatch<Account extends { readonly name: string }, Wanted> {
  readonly #options: AccountWatchOptions<Account, Wanted>;
  readonly #beliefs = new Map<string, Belief<Account>>();
  readonly #looks: DataLoader<Account, Look<Wanted>>;
  #patrolling = false;
  #hurrying = false;
  #timer: NodeJS.Timeout | undefined;
  #endPause: (() => void) | undefined;

  constructor(options: AccountWatchOptions<Account, Wanted>) {
    this.#options = options;
    this.#looks = new DataLoader((accounts) => options.look(accounts), {
      cache: false,
      maxBatchSize: mostAtOnce,
      batchScheduleFn: (run) => void setTimeout(run, gatherMs),
    });
  }

  /** Whether it was found in order, with the same wishes, and nothing has been heard of a change since. */
  believes(name: string, inputs: string): boolean {
    return this.#beliefs.get(name)?.inputs === inputs;
  }

  believe({ account, ...belief }: Belief<Account>): void {
    this.#beliefs.set(account.name, { account, ...belief });
  }

  forget(name: string): void {
    this.#beliefs.delete(name);
  }

  /** As it is now. Looks that are asked for within moments are one. */
  look(account: Account): Promise<Look<Wanted>> {
    return this.#looks.load(account);
  }

  start(): void {
    this.#patrolling = true;
    void this.#patrol();
  }

  stop(): void {
    this.#patrolling = false;
    this.#endPause?.();
  }

  /** Somebody found the server away, or not as it should be: all are looked at now. */
  hurry(): void {
    this.#hurrying = true;
    this.#endPause?.();
  }

  async #patrol(): Promise<void> {
    const periodMs = this.#options.seconds * 1000;
    while (this.#patrolling) {
      this.#hurrying = false;
      const rounds = batches([...this.#beliefs.values()]);
      for (const beliefs of rounds) {
        await this.#compare(beliefs, Math.min(patienceMs, periodMs * spreadOver));
        await this.#pause((periodMs * spreadOver) / rounds.length);
      }
      if (rounds.length === 0) await this.#pause(periodMs * spreadOver);
    }
  }

  async #compare(beliefs: readonly Belief<Account>[], patience: number): Promise<void> {
    const accounts = beliefs.map(({ account }) => account);
    const found = await this.#options
      .look(accounts)
      .catch(() => sleep(patience).then(() => this.#options.look(accounts)))
      .catch(() => undefined); // told by whoever is told of a drift now: each finds the same error by itself
    if (!this.#patrolling) return;
    if (found === undefined) this.#tell([...this.#beliefs.values()]);
    else this.#tell(beliefs.filter(({ digest }, index) => digest === undefined || found[index]?.digest !== digest));
  }

  /** Not of those that were looked at again, or forgotten, in the meantime. */
  #tell(changed: readonly Belief<Account>[]): void {
    for (const belief of changed) {
      if (this.#beliefs.get(belief.account.name) !== belief) continue;
      this.#beliefs.delete(belief.account.name);
      this.#options.drifted(belief.tenant);
    }
  }

  #pause(ms: number): Promise<void> {
    if (this.#hurrying || !this.#patrolling) return Promise.resolve();
    return new Promise((resolve) => {
      this.#endPause = () => {
        clearTimeout(this.#timer);
        resolve();
      };
      this.#timer = setTimeout(resolve, ms);
    });
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms).unref());

function batches<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / mostAtOnce) }, (_, index) => all.slice(index * mostAtOnce, (index + 1) * mostAtOnce));
}
