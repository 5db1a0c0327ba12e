import { Gauge, type Registry } from 'prom-client';

/** How much an order driver has to do. */
export interface DriverLoad {
  /** orders and redemptions on their way, without those that only linger */
  readonly driven: number;
  /** orders and redemptions that wait for a place */
  readonly queued: number;
}

/** Makes the gauges that a principal is scaled by, read when they are asked for (docs/operations.md, Metrics and alerts). */
export function createDriverGauges(registry: Registry, load: () => DriverLoad): void {
  const gauge = (name: string, help: string, read: (now: DriverLoad) => number) =>
    new Gauge({
      ...{ name, help, registers: [registry] },
      collect() {
        this.set(read(load()));
      },
    });
  gauge('dta_orders_driven', 'Orders and redemptions that this process drives, 16 at most', ({ driven }) => driven);
  gauge('dta_orders_queued', 'Orders and redemptions that wait for a place at this process', ({ queued }) => queued);
}
