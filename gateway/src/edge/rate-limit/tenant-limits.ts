import { Allowance, type Ask, type Told } from './allowance.ts';
import type { Claim, Standing } from './limiter.ts';

/** Requests that wait for limits, and how many have the same ones. */
export interface Want {
  readonly requests: number;
  /** Positions among the limits of the message. */
  readonly of: readonly number[];
}

export interface Answer {
  /** For each limit. */
  readonly told: readonly Told[];
  /** For each want, how many of its requests are admitted. */
  readonly admitted: readonly number[];
}

/** Rejects where Redis does not answer; whether it has heard the message is not known then. */
export type Say = (limits: readonly Ask[], wants: readonly Want[]) => Promise<Answer>;

interface Waiting {
  readonly claim: Claim;
  readonly allowances: readonly Allowance[];
  /** What could not be had without asking. The others are reserved. */
  lacking: readonly Allowance[];
  readonly resolve: (standings: readonly Standing[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Milliseconds within which Redis hears what was used, where nobody waits for it. */
const reviewMs = 250;
/** How much goes into one message: Redis serves nobody else meanwhile. */
const claimsAtOnce = 100;
const limitsAtOnce = 100;

/** The limits of one tenant at one replica. One message to Redis at a time; what comes up meanwhile goes into the next. */
export class TenantLimits {
  readonly #say: Say;
  readonly #hold: number;
  readonly #forget: () => void;
  readonly #allowances = new Map<string, Allowance>();
  /** Of which something is new since Redis was told. */
  readonly #touched = new Set<Allowance>();
  #waiting: Waiting[] = [];
  #again = false;
  #speaking: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `hold` in seconds. `forget` is called when nothing is left that anybody would miss. */
  constructor(say: Say, hold: number, forget: () => void) {
    this.#say = say;
    this.#hold = hold;
    this.#forget = forget;
  }

  take(claim: Claim): Promise<readonly Standing[]> {
    const now = performance.now();
    const allowances = claim.limits.map((limit) => this.#allowance(limit, now));
    for (const [index, { most }] of claim.limits.entries()) allowances[index]?.arrive(most, now);
    if (reserveAll(allowances, now)) return Promise.resolve(this.#admit(claim, allowances));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ claim, allowances, lacking: allowances, resolve, reject });
      this.#speak();
    });
  }

  end(claim: Claim, tokens: number): void {
    const now = performance.now();
    let urgent = false;
    for (const limit of claim.limits) {
      const allowance = this.#allowance(limit, now);
      this.#touched.add(allowance);
      urgent = allowance.end(claim, tokens, now) || urgent;
    }
    if (urgent) this.#speak();
  }

  /** Tells what is untold and gives back what is in hand. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#speaking;
    const now = performance.now();
    for (const allowance of this.#allowances.values()) {
      allowance.giveBack(now);
      if (allowance.hasNews(now, this.#hold)) this.#touched.add(allowance);
    }
    if (this.#touched.size > 0) this.#speak();
    await this.#speaking;
    clearTimeout(this.#timer);
  }

  #allowance(limit: Claim['limits'][number], now: number): Allowance {
    const known = this.#allowances.get(limit.key);
    if (known) return known;
    const allowance = new Allowance(limit, now);
    this.#allowances.set(limit.key, allowance);
    this.#timer ??= setTimeout(() => this.#review(), reviewMs).unref();
    return allowance;
  }

  /** All that the request needs is reserved. */
  #admit(claim: Claim, allowances: readonly Allowance[]): readonly Standing[] {
    const standings = allowances.map((allowance) => allowance.standing(false));
    let low = false;
    for (const allowance of allowances) {
      allowance.use(claim);
      this.#touched.add(allowance);
      low ||= allowance.isLow;
    }
    if (low && !this.#speaking) this.#speak();
    return standings;
  }

  #speak(): void {
    this.#again = true;
    this.#speaking ??= this.#converse();
  }

  async #converse(): Promise<void> {
    await Promise.resolve(); // what is asked in one go is told in one message
    while (this.#again || this.#waiting.length > 0) {
      this.#again = false;
      await this.#exchange();
    }
    this.#speaking = undefined;
  }

  async #exchange(): Promise<void> {
    const now = performance.now();
    const waiting = this.#stillWaiting(now);
    const groups = [...Map.groupBy(waiting, ({ lacking }) => lacking.map(({ key }) => key).join(' ')).values()];
    const allowances = [...new Set([...waiting.flatMap(({ lacking }) => lacking), ...[...this.#touched].slice(0, limitsAtOnce)])];
    if (allowances.length === 0) return;
    for (const allowance of allowances) this.#touched.delete(allowance);
    if (this.#touched.size > 0) this.#again = true;
    const asks = allowances.map((allowance) => allowance.ask(now));
    const wants = groups.map((group) => ({
      requests: group.length,
      of: (group[0]?.lacking ?? []).map((allowance) => allowances.indexOf(allowance)),
    }));
    try {
      const { told, admitted } = await this.#say(asks, wants);
      for (const [index, allowance] of allowances.entries()) {
        const [ask, news] = [asks[index], told[index]];
        const own = wants.reduce((sum, { of }, at) => sum + (of.includes(index) ? (admitted[at] ?? 0) : 0), 0);
        if (ask && news) allowance.learn(ask, news, own, now);
      }
      this.#answer(groups, admitted);
    } catch (error) {
      this.#again = false;
      for (const allowance of allowances) allowance.doubt();
      for (const one of [...waiting, ...this.#waiting.splice(0)]) {
        this.#release(one);
        one.reject(error);
      }
    }
  }

  /** Admits those who find in hand what they lacked when they came. Some of the others. */
  #stillWaiting(now: number): Waiting[] {
    const waiting = this.#waiting.splice(0, claimsAtOnce);
    for (const one of waiting) one.lacking = one.allowances.filter((allowance) => !allowance.reserve(now));
    const [served = [], others = []] = [true, false].map((had) => waiting.filter(({ lacking }) => (lacking.length === 0) === had));
    for (const { claim, allowances, resolve } of served) resolve(this.#admit(claim, allowances));
    return others;
  }

  #answer(groups: readonly (readonly Waiting[])[], admitted: readonly number[]): void {
    for (const [index, group] of groups.entries())
      for (const { claim, allowances, resolve } of group.slice(0, admitted[index])) resolve(this.#admit(claim, allowances));
    const refused = groups.flatMap((group, index) => group.slice(admitted[index]));
    for (const one of refused) this.#release(one);
    // What one of them had reserved may be what another lacked.
    const now = performance.now();
    for (const { claim, allowances, lacking, resolve } of refused) {
      resolve(
        reserveAll(allowances, now)
          ? this.#admit(claim, allowances)
          : allowances.map((allowance) => allowance.standing(lacking.includes(allowance))),
      );
    }
  }

  #release({ allowances, lacking }: Waiting): void {
    const now = performance.now();
    for (const allowance of allowances) {
      if (lacking.includes(allowance)) continue;
      allowance.release(now);
      this.#touched.add(allowance);
    }
  }

  #review(): void {
    const now = performance.now();
    for (const [key, allowance] of this.#allowances) {
      // Who waits for an answer has it still, so a second one of the same limit would not know what is in progress.
      if (!this.#speaking && allowance.isIdle(now)) this.#allowances.delete(key);
      else if (allowance.hasNews(now, this.#hold)) this.#touched.add(allowance);
    }
    if (this.#touched.size > 0) this.#speak();
    this.#timer = undefined;
    if (this.#allowances.size > 0 || this.#speaking) this.#timer = setTimeout(() => this.#review(), reviewMs).unref();
    else this.#forget();
  }
}

/** What one request needs of each, or nothing. */
function reserveAll(allowances: readonly Allowance[], now: number): boolean {
  for (const [index, allowance] of allowances.entries()) {
    if (allowance.reserve(now)) continue;
    for (const reserved of allowances.slice(0, index)) reserved.release(now);
    return false;
  }
  return true;
}
