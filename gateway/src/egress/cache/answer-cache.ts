/**
 * Answers that are given again to the agent that had asked for the same, if its AgentConfig wants that.
 *
 * Guarantees: an answer goes to no other tenant and no other agent than had it before, and is no older than the agent allows; neither looking
 * nor keeping ever fails a call. While the store is away every call is a miss, and it is asked once a second.
 */
import type { TenantPolicy } from '@cloister/tenancy';
import type { Logger } from '@cloister/telemetry';
import { z } from 'zod';
import type { Operation } from '../chat/operation.ts';
import type { Offered, Target } from '../chat/target.ts';
import { cacheKeyOf, type CacheKey } from './cache-key.ts';
import type { CacheStore } from './cache-store.ts';
import { seal, unseal } from './seal.ts';

/** Characters of an answer. A longer one would push out many, and have to be held in memory until it ends. */
export const longestAnswer = 1024 * 1024;

/** Milliseconds for which a store that has failed is not asked. */
const pause = 1_000;

/** What the caller was sent, whole. */
export interface Answer {
  readonly kind: 'whole' | 'stream';
  readonly text: string;
}

const kept = z.object({ kind: z.enum(['whole', 'stream']), text: z.string(), at: z.number() });

export interface Asked {
  readonly policy: TenantPolicy;
  readonly agent: string;
  readonly target: Target;
  readonly operation: Pick<Operation<Offered>, 'name' | 'repeatable'>;
}

/** Where the answer to one call is, or will be. */
export interface Place {
  /** `away` where that cannot be known. */
  find(): Promise<Answer | 'away' | undefined>;
  /** In the background. */
  readonly keep: (answer: Answer) => void;
}

export class AnswerCache {
  readonly #store: CacheStore;
  readonly #log: Logger;
  #silentUntil = 0;

  constructor(store: CacheStore, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  /** Undefined where nothing is to be kept: the agent does not want it, or the same request need not have the same answer, or no end of depth. */
  placeOf({ policy, agent, target, operation }: Asked): Place | undefined {
    const seconds = policy.agents.find(({ name }) => name === agent)?.cacheSeconds;
    const { uid: tenantUid, cacheBytes: bytes = 0 } = policy;
    const { name, repeatable: request } = operation;
    if (seconds === undefined || bytes === 0 || !request) return undefined;
    const { provider, whose } = target;
    const key = cacheKeyOf({ tenantUid, agent, provider, whose, model: target.model.name, operation: name, request });
    if (!key) return undefined;
    return {
      find: () => this.#find(tenantUid, key, seconds),
      keep: (answer) => {
        if (answer.text.length > longestAnswer) return;
        const value = seal(JSON.stringify({ ...answer, at: Date.now() }), key.sealing);
        void this.#unlessAway(() => this.#store.put(tenantUid, key.address, value, { seconds, bytes }));
      },
    };
  }

  async #find(tenantUid: string, { address, sealing }: CacheKey, seconds: number): Promise<Answer | 'away' | undefined> {
    const found = await this.#unlessAway(() => this.#store.get(tenantUid, address));
    if (found === 'away' || found === undefined) return found;
    const answer = read(found, sealing);
    // It may have been kept when the agent allowed more.
    return answer && Date.now() - answer.at < seconds * 1000 ? answer : undefined;
  }

  async #unlessAway<T>(work: () => Promise<T>): Promise<T | 'away'> {
    if (performance.now() < this.#silentUntil) return 'away';
    try {
      return await work();
    } catch (error) {
      if (performance.now() >= this.#silentUntil)
        this.#log.warn({ reason: error instanceof Error ? error.message : 'unknown' }, 'kept answers cannot be reached');
      this.#silentUntil = performance.now() + pause;
      return 'away';
    }
  }
}

/** Undefined for what this replica did not understand, or somebody has spoilt: it is as if nothing were there. */
function read(sealed: Buffer, key: Buffer): z.infer<typeof kept> | undefined {
  try {
    return kept.parse(JSON.parse(unseal(sealed, key)));
  } catch {
    return undefined;
  }
}
