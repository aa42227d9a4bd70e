/** How often the pods of one tenant's agents may be replaced. */
import type { Configuration } from '../settings.ts';

interface Turns {
  /** When the next rollout would be due if all of them kept the pace: the theoretical arrival time of ITU-T I.371's cell rate algorithm. */
  due: number;
  /** By agent: when it may begin. Those who wait keep their place, however often they are edited meanwhile. */
  readonly waiting: Map<string, number>;
  /** By agent: the rollout that has had its turn and, for all that is known, has not begun. */
  readonly granted: Map<string, string>;
}

/**
 * A rollout costs the cluster hundreds of times what the edit costs that asked for it, and everybody pays. So a tenant may begin `burst` of them
 * at once, and from then on `perSecond`; what it changes meanwhile is rolled out together, in the state that it has then.
 *
 * One that could not begin, for a refusal or an API server that is away, has had its turn: tries cost those who wait nothing. Once credit is full again that is
 * forgotten, and costs nobody either.
 *
 * In memory alone: a new operator begins with full credit. Time is that of the monotonic clock, in milliseconds.
 */
export class RolloutPace {
  readonly #intervalMs: number;
  readonly #creditMs: number;
  readonly #tenants = new Map<string, Turns>();

  constructor({ burst, perSecond }: Configuration['tenantRollouts']) {
    this.#intervalMs = 1000 / perSecond;
    this.#creditMs = (burst - 1) * this.#intervalMs;
  }

  /** Milliseconds until this rollout of the agent, whatever names it, may begin. 0: it may, has had its turn, and takes no other until it has `begun`. */
  wait(tenant: string, agent: string, rollout: string): number {
    const now = performance.now();
    const turns = this.#turnsOf(tenant, now);
    if (turns.granted.get(agent) === rollout) {
      turns.waiting.delete(agent);
      return 0;
    }
    const due = Math.max(turns.due, now);
    const at = turns.waiting.get(agent) ?? Math.max(now, due - this.#creditMs);
    if (!turns.waiting.has(agent)) turns.due = due + this.#intervalMs;
    if (at > now) {
      turns.waiting.set(agent, at);
      return Math.ceil(at - now);
    }
    turns.waiting.delete(agent);
    turns.granted.set(agent, rollout);
    return 0;
  }

  /** Pods of what was granted are being made: to make them anew takes another turn. */
  begun(tenant: string, agent: string): void {
    this.#tenants.get(tenant)?.granted.delete(agent);
  }

  /** Milliseconds until the turn of an agent that waits for one; 0: it does not. Changes nothing. */
  left(tenant: string, agent: string): number {
    const at = this.#tenants.get(tenant)?.waiting.get(agent) ?? -Infinity;
    return Math.max(0, Math.ceil(at - performance.now()));
  }

  #turnsOf(tenant: string, now: number): Turns {
    const known = this.#tenants.get(tenant);
    if (known && known.due > now) return known;
    // With full credit nothing need be known of a tenant, nor of turns that nobody took: their agents were deleted, or edited back.
    for (const [name, { due }] of this.#tenants) if (due <= now) this.#tenants.delete(name);
    const turns = { due: now, waiting: new Map<string, number>(), granted: new Map<string, string>() };
    this.#tenants.set(tenant, turns);
    return turns;
  }
}
