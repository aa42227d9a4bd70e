import { z } from 'zod';
import { parseRows, storable, type Database } from '../store/database.ts';
import { noSettings, type TenantSettings } from './tenant-settings.ts';

export interface StoredSettings {
  /** 0 until somebody stores settings, then one more with every write. */
  readonly version: number;
  readonly settings: TenantSettings;
}

const settingsRow = z.object({
  version: z.int(),
  model: z.string().nullable(),
  temperature: z.number().nullable(),
  max_output_tokens: z.int().nullable(),
  additional_instructions: z.string().nullable(),
});

const read = `
  select version, model, temperature, max_output_tokens, additional_instructions from agent_settings where agent = $1`;

/** $2 is the version that must stand there, null for any. One statement, so that of two writers with the same version one finds no row. */
const write = `
  insert into agent_settings as stored (agent, version, model, temperature, max_output_tokens, additional_instructions, updated_by)
  select $1, 1, $3, $4, $5, $6, $7
   where $2::integer is null or $2 = 0 or exists (select from agent_settings where agent = $1)
  on conflict (agent) do update
     set version = stored.version + 1, model = excluded.model, temperature = excluded.temperature,
         max_output_tokens = excluded.max_output_tokens, additional_instructions = excluded.additional_instructions,
         updated_by = excluded.updated_by, updated_at = now()
   where $2::integer is null or stored.version = $2
  returning version, model, temperature, max_output_tokens, additional_instructions`;

export class SettingsStore {
  readonly #database: Database;
  readonly #agent: string;

  constructor(database: Database, agent: string) {
    this.#database = database;
    this.#agent = agent;
  }

  async read(): Promise<StoredSettings> {
    const [row] = parseRows(settingsRow, await this.#database.query(read, [this.#agent], 'settings_read'));
    return row ? storedOf(row) : { version: 0, settings: noSettings };
  }

  /** Undefined when the stored version is no longer `expected`. With `expected` undefined it overwrites whatever stands there. */
  async write(settings: TenantSettings, expected: number | undefined, subject: string): Promise<StoredSettings | undefined> {
    const { model, temperature, maxOutputTokens, additionalInstructions } = settings;
    const addition = additionalInstructions === null ? null : storable(additionalInstructions);
    const values = [this.#agent, expected ?? null, model, temperature, maxOutputTokens, addition, storable(subject)];
    const [row] = parseRows(settingsRow, await this.#database.query(write, values));
    return row && storedOf(row);
  }
}

const storedOf = (row: z.infer<typeof settingsRow>): StoredSettings => ({
  version: row.version,
  settings: {
    model: row.model,
    temperature: row.temperature,
    maxOutputTokens: row.max_output_tokens,
    additionalInstructions: row.additional_instructions,
  },
});
