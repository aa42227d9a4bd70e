/**
 * Stands before every call of a provider: nobody calls one that fails, and no more call it at once than it allows. Each replica for itself.
 *
 * Guarantees: no tenant's calls make a provider be left alone for another tenant, save where it cannot be connected to, which no request can
 * bring about; a place goes to the tenant that has the fewest; a limit that was changed is in force for the next call, and a provider that was
 * given another address is called at once. A call that does not go out after all keeps no other from being the one that tries whether the
 * provider is well again.
 */
import type { ProviderDocument } from '@cloister/tenancy';
import { CircuitOpen, Circuits, type Passage } from '../../server/circuits.ts';
import { fail } from '../errors.ts';
import { Places } from './places.ts';

/** What a call says about its provider: no connection came about, it failed in another way, it answered, nothing, or that it was not asked. */
export type Verdict = 'unreachable' | 'failed' | 'answered' | 'unknown' | 'untried';

export interface Entry {
  /** To be called once, when the call has ended. */
  leave(verdict: Verdict): void;
}

export class Gates {
  readonly #circuits = new Circuits();
  readonly #places = new Places();

  /** Circuits that are open: of providers, and of tenants with a provider. */
  get openCircuits(): number {
    return this.#circuits.open;
  }

  /** Calls by provider. */
  get inProgress(): ReadonlyMap<string, number> {
    return this.#places.taken;
  }

  /** Rejects with `provider_unavailable` or `provider_busy`, and with the reason of the signal. */
  async enter(provider: ProviderDocument, tenant: string, signal: AbortSignal): Promise<Entry> {
    const { name, type, baseURL = '', concurrentCallsPerReplica: limit } = provider;
    const place = `${name} ${baseURL}`;
    const passages: Passage[] = [];
    try {
      // the offline model is inside this process: it fails because it was asked to
      if (type !== 'Offline') for (const key of [place, `${place} ${tenant}`]) passages.push(this.#pass(key, name));
      if (!(await this.#places.take(name, tenant, limit ?? Infinity, signal)))
        throw fail('provider_busy', { values: { provider: name, limit: limit ?? Infinity }, retryAfterSeconds: 1 });
    } catch (error) {
      tell(passages, 'untried');
      throw error;
    }
    return {
      leave: (verdict) => {
        this.#places.give(name, tenant);
        tell(passages, verdict);
      },
    };
  }

  #pass(key: string, provider: string): Passage {
    try {
      return this.#circuits.enter(key);
    } catch (error) {
      if (!(error instanceof CircuitOpen)) throw error;
      throw fail('provider_unavailable', {
        values: { provider, seconds: error.retrySeconds },
        retryAfterSeconds: error.retrySeconds,
        cause: error,
      });
    }
  }
}

function tell(passages: readonly Passage[], verdict: Verdict): void {
  const [ofProvider, ofTenant] = passages;
  if (verdict === 'untried') for (const { untried } of passages) untried();
  if (verdict === 'unreachable') ofProvider?.failed();
  if (verdict === 'failed' || verdict === 'answered') ofProvider?.answered();
  if (verdict === 'failed') ofTenant?.failed();
  if (verdict === 'answered') ofTenant?.answered();
}
