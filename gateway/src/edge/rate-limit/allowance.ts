import type { Claim, Counted, Limit, Standing } from './limiter.ts';
import { Pace } from './pace.ts';
import { windowSeconds } from './rolling-minute.ts';

/** Milliseconds for which what is in hand may be used after Redis was last told of it; then it goes back. */
export const inHandMs = 1_000;

/** What Redis is told of a limit, and asked. */
export interface Ask {
  readonly key: string;
  readonly counted: Counted;
  readonly most: number;
  /** Requests or tokens that were used and not told yet. */
  readonly spent: number;
  /** For requests in progress, and for those that wait for their other limits. */
  readonly held: number;
  readonly inHand: number;
  /** How much to have in hand, at most. */
  readonly wish: number;
  /** An answer was lost since Redis was told, so what it was told may yet come. */
  readonly unsure: boolean;
}

export interface Told {
  /** Over all replicas, without what is held here. */
  readonly base: number;
  readonly resetSeconds: number;
  readonly retrySeconds: number;
  /** How much may be in hand here; of tokens 1 where requests need not ask. */
  readonly share: number;
  /** How much of that is new. */
  readonly more: number;
}

/**
 * What a replica may admit of one limit without asking, and what Redis has yet to hear.
 *
 * Guarantees: nothing is admitted that Redis does not count already, as held by this replica; a changed limit is never met with what was given
 * under the old one. All times are of a clock that only goes forward, in milliseconds.
 */
export class Allowance {
  readonly key: string;
  readonly counted: Counted;
  #pace: Pace;
  readonly #inProgress = new Set<Claim>();
  #most: number;
  #inHand = 0;
  #reserved = 0;
  #untold = 0;
  #goodUntil = -Infinity;
  #changedAt: number;
  #told: Told = { base: 0, resetSeconds: 0, retrySeconds: 0, share: 0, more: 0 };
  /** What Redis counts as held here, and when it was told so. NaN: not known. */
  #heldThere = 0;
  #toldAt = -Infinity;

  constructor({ key, counted, most }: Limit, now: number) {
    this.key = key;
    this.counted = counted;
    this.#most = most;
    this.#pace = new Pace(now);
    this.#changedAt = now;
  }

  /** A request has come that counts against this limit, as it is now. */
  arrive(most: number, now: number): void {
    this.#pace.count(now);
    this.#changedAt = now;
    if (most === this.#most) return;
    this.#most = most;
    this.#inHand = 0;
    this.#goodUntil = -Infinity;
  }

  /** Sets aside what a request needs of this limit, if that can be had without asking; to be used or released. */
  reserve(now: number): boolean {
    if (now >= this.#goodUntil) return false;
    if (this.counted === 'tokens') return this.#told.share > 0 && this.#used < this.#most;
    if (this.#inHand === 0) return false;
    this.#inHand--;
    this.#reserved++;
    return true;
  }

  release(now: number): void {
    if (this.counted === 'tokens') return;
    this.#reserved--;
    if (now < this.#goodUntil) this.#inHand++;
  }

  use(claim: Claim): void {
    if (this.counted === 'tokens') return;
    this.#reserved--;
    if (this.counted === 'requests') this.#untold++;
    else this.#inProgress.add(claim);
  }

  /** Whether others may be waiting for what came free, or do not see that this limit fills. */
  end(claim: Claim, tokens: number, now: number): boolean {
    this.#changedAt = now;
    const asks = now >= this.#goodUntil || this.#told.share === 0;
    if (this.counted === 'tokens') {
      this.#untold += tokens;
      return asks && tokens > 0;
    }
    if (!this.#inProgress.delete(claim)) return false;
    if (now < this.#goodUntil) this.#inHand++;
    return asks || this.#inHand > this.#told.share;
  }

  /** More should be asked for before the next request needs it. */
  get isLow(): boolean {
    return this.counted !== 'tokens' && this.#inHand * 2 < this.#told.share;
  }

  /** Before the next request. */
  standing(refused: boolean): Standing {
    const { resetSeconds, retrySeconds } = this.#told;
    const reset = this.#untold > 0 ? windowSeconds + 1 : resetSeconds;
    return { used: this.#used, resetSeconds: reset, retrySeconds: refused ? retrySeconds : 0 };
  }

  /** For the next message. What is more than this replica's share, or too old, goes back with it. */
  ask(now: number): Ask {
    this.#inHand = now < this.#goodUntil ? Math.min(this.#inHand, this.#told.share) : 0;
    const { key, counted } = this;
    const held = this.#inProgress.size + this.#reserved;
    const unsure = Number.isNaN(this.#heldThere);
    return { key, counted, most: this.#most, spent: this.#untold, held, inHand: this.#inHand, wish: this.#pace.wish(now), unsure };
  }

  /** Nobody will need what is in hand. */
  giveBack(now: number): void {
    this.#goodUntil = -Infinity;
    this.#pace = new Pace(now);
  }

  /** What was said to a message that was sent at `sentAt`, and how much of it is for requests that waited: it is reserved for them. */
  learn(asked: Ask, told: Told, admitted: number, sentAt: number): void {
    this.#untold -= asked.spent;
    this.#told = told;
    this.#toldAt = sentAt;
    if (this.counted !== 'tokens') {
      this.#reserved += admitted;
      this.#heldThere = asked.held + asked.inHand + admitted + told.more;
    }
    if (asked.most !== this.#most) return;
    this.#inHand += told.more;
    this.#goodUntil = sentAt + inHandMs;
  }

  /** A message about it was not answered: Redis may have given what it asked for, or may yet. So it is told again, and until then not idle. */
  doubt(): void {
    if (this.counted !== 'tokens') this.#heldThere = NaN;
  }

  /** Whether Redis should hear of it although nobody waits. Places in progress are held three times within `hold` seconds. */
  hasNews(now: number, hold: number): boolean {
    if (now >= this.#goodUntil) this.#inHand = 0;
    const held = this.#inProgress.size + this.#reserved + this.#inHand;
    return this.#untold > 0 || held !== this.#heldThere || (held > 0 && now - this.#toldAt >= (hold * 1_000) / 3);
  }

  /** Nothing of it would be missed: nothing is held or untold, or Redis has been away for longer than it would count. */
  isIdle(now: number): boolean {
    if (this.#inProgress.size + this.#reserved + this.#inHand > 0) return false;
    const since = now - this.#changedAt;
    return since > windowSeconds * 1_000 || (since > inHandMs * 2 && this.#untold === 0 && this.#heldThere === 0);
  }

  get #used(): number {
    return this.#told.base + (this.counted === 'concurrent' ? this.#inProgress.size : this.#untold);
  }
}
