import { afterAll, beforeAll } from 'vitest';
import { databaseStartMs } from '../store/database.fixture.ts';
import type { Database } from '../store/database.ts';
import { openPGlite } from '../store/pglite.ts';
import { describeMemory } from './memory.specification.ts';

let database: Database;
beforeAll(async () => {
  database = await openPGlite();
}, databaseStartMs);
afterAll(() => database.close());

describeMemory(() => database);
