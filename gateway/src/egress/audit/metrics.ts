import { Counter, Gauge, type Registry } from '@cloister/telemetry';

export function auditMetrics(registry: Registry, unwritten: () => number): { readonly lost: Counter } {
  const registers = [registry];
  new Gauge({
    name: 'cloister_audit_unwritten_records',
    help: 'Records of the audit that are not known to be in Postgres yet',
    registers,
    collect() {
      this.set(unwritten());
    },
  });
  return {
    lost: new Counter({
      name: 'cloister_audit_lost_records_total',
      help: 'Records of the audit that were not stored; the chains show each as a gap',
      registers,
    }),
  };
}
