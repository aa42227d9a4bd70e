import type { Addresses } from '../addresses.ts';

/** Where Postgres and Redis run. */
export const dataNamespace = 'cloister-data';
/** Where Cloister is installed. */
export const systemNamespace = 'cloister-system';

export const postgresPort = 5432;
export const postgresDatabase = 'cloister';
export const redisPort = 6379;

/** Addresses of Services that are chosen rather than given out, so that they are known before the cluster runs. */
export function fixedServiceIPs({ serviceCIDR }: Addresses): { readonly postgres: string; readonly redis: string } {
  const network = serviceCIDR.split('.').slice(0, 2).join('.');
  return { postgres: `${network}.0.20`, redis: `${network}.0.21` };
}

export type Manifest = Readonly<Record<string, unknown>>;
