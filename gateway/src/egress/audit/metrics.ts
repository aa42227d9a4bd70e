import { Counter, Gauge, type Registry } from '@cloister/telemetry';

const lostName = 'cloister_audit_lost_records_total';

/** Records that will not be stored: one counter for all who lose some. */
export function lostRecords(registry: Registry): Counter {
  const known = registry.getSingleMetric(lostName);
  if (known instanceof Counter) return known;
  return new Counter({
    name: lostName,
    help: 'Records of the audit that were not stored; the chains show each of a call as a gap',
    registers: [registry],
  });
}

export function measureUnwritten(registry: Registry, unwritten: () => number): void {
  new Gauge({
    name: 'cloister_audit_unwritten_records',
    help: 'Records of the audit that are not known to be in Postgres yet',
    registers: [registry],
    collect() {
      this.set(unwritten());
    },
  });
}
