import type { X509Certificate } from 'node:crypto';

/** Whether the last third of its life has begun, in which it is replaced whatever the settings say. */
export function isEnding({ validFromDate, validToDate }: X509Certificate, now: Date): boolean {
  const life = validToDate.getTime() - validFromDate.getTime();
  return validToDate.getTime() - now.getTime() < life / 3;
}
