import { Counter, Gauge, type Registry } from '@cloister/telemetry';

export interface ProxyMetrics {
  readonly connections: Counter<'tenant' | 'outcome'>;
  readonly bytes: Counter<'tenant' | 'direction'>;
}

export function proxyMetrics(registry: Registry, open: () => number): ProxyMetrics {
  const registers = [registry];
  new Gauge({
    name: 'cloister_proxy_open_connections',
    help: 'Connections of tools to the internet that are open',
    registers,
    collect() {
      this.set(open());
    },
  });
  return {
    connections: new Counter({
      name: 'cloister_proxy_connections_total',
      help: 'Connections that tools asked for, by how they ended or the code of the refusal',
      labelNames: ['tenant', 'outcome'] as const,
      registers,
    }),
    bytes: new Counter({
      name: 'cloister_proxy_bytes_total',
      help: 'Bytes of such connections; direction is up or down',
      labelNames: ['tenant', 'direction'] as const,
      registers,
    }),
  };
}
