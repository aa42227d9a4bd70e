import {
  Counter,
  Gauge,
  Histogram,
  type CounterConfiguration,
  type GaugeConfiguration,
  type HistogramConfiguration,
  type Registry,
} from 'prom-client';

/*
 * Metrics are looked up before they are made: several controllers, or a test that builds a second runtime on the same registry, share them.
 */

export function counter<L extends string>(registry: Registry, config: CounterConfiguration<L>): Counter<L> {
  const known = registry.getSingleMetric(config.name);
  return known instanceof Counter ? known : new Counter({ ...config, registers: [registry] });
}

export function gauge<L extends string>(registry: Registry, config: GaugeConfiguration<L>): Gauge<L> {
  const known = registry.getSingleMetric(config.name);
  return known instanceof Gauge ? known : new Gauge({ ...config, registers: [registry] });
}

export function histogram<L extends string>(registry: Registry, config: HistogramConfiguration<L>): Histogram<L> {
  const known = registry.getSingleMetric(config.name);
  return known instanceof Histogram ? known : new Histogram({ ...config, registers: [registry] });
}
