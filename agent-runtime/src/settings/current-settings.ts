import type { AgentDocument } from '@cloister/tenancy';
import type { Logger } from '@cloister/telemetry';
import { fail } from '../errors.ts';
import { isAdjustable, withinBounds } from './bounds.ts';
import { readTogether } from './read-together.ts';
import type { SettingsStore } from './settings-store.ts';
import { noSettings, type TenantSettings } from './tenant-settings.ts';

/** A healthy read takes about a millisecond; a chat shall not wait for a database that is away. */
const patienceMs = 300;
/** After a failed read the last known settings serve this long before the next try. */
const pauseMs = 2_000;

/**
 * The settings that apply to the request at hand: read from the database each time, together for requests that come together, so that a change
 * counts on every replica from the next request on. While the database is away, those last read here apply; what needs no database then keeps working.
 */
export class CurrentSettings {
  readonly #store: SettingsStore;
  readonly #read: () => Promise<TenantSettings>;
  readonly #document: AgentDocument;
  readonly #logger: Logger;
  #lastKnown: TenantSettings | undefined;
  #retryAt = 0;

  constructor(store: SettingsStore, document: AgentDocument, logger: Logger) {
    this.#store = store;
    this.#read = readTogether(() => inTime(settingsIn(store), patienceMs));
    this.#document = document;
    this.#logger = logger;
    if (!isAdjustable(document)) this.#lastKnown = noSettings;
  }

  /** Reads them for the first time. Throws what the database throws. */
  async load(): Promise<void> {
    this.#lastKnown = await settingsIn(this.#store);
  }

  /** Throws 503 when they have never been read. */
  async read(): Promise<TenantSettings> {
    const settings = (await this.#fresh()) ?? this.#lastKnown;
    if (!settings) throw fail('starting', { retryAfterSeconds: 1 });
    return withinBounds(this.#document, settings);
  }

  async #fresh(): Promise<TenantSettings | undefined> {
    if (!isAdjustable(this.#document) || Date.now() < this.#retryAt) return undefined;
    try {
      this.#lastKnown = await this.#read();
      return this.#lastKnown;
    } catch (error) {
      this.#retryAt = Date.now() + pauseMs;
      this.#logger.warn({ reason: error instanceof Error ? error.message : 'unknown' }, 'Settings not readable, the last known apply');
      return undefined;
    }
  }
}

const settingsIn = async (store: SettingsStore): Promise<TenantSettings> => (await store.read()).settings;

async function inTime<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
