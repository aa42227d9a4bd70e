/**
 * A writer as a process that a test may kill at any moment. How many of its records Postgres has confirmed it writes down as it goes.
 * Arguments: URL of the database, file for the truth, UID of the tenant.
 */
import { createLogger } from '@cloister/telemetry';
import { renameSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { postgres } from '../budget/sql/postgres.ts';
import { facts } from './chain.fixture.ts';
import { auditStore } from './store.ts';
import { AuditTrail } from './trail.ts';

const [url = '', truth = '', tenantUid = ''] = process.argv.slice(2);
const sql = postgres(url, () => undefined);
const trail = new AuditTrail(auditStore(sql), { log: createLogger({ name: 'egress', level: 'fatal' }), flushMs: 20 });

for (let taken = 1; ; taken++) {
  trail.begin({ tenantUid, tenant: 't' })(facts);
  // Put in place whole: a file that is written over is empty for a part of the time, and a kill then would leave it so.
  writeFileSync(`${truth}.new`, `${trail.writer} ${taken - trail.unwritten}`);
  renameSync(`${truth}.new`, truth);
  if (taken % 10 === 0) await sleep(1);
}
