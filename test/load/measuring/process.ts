/** What Linux says of a process: proc(5). */
import { readFileSync } from 'node:fs';

export const residentMiB = (pid: number): number => statusMiB(pid, 'VmRSS');
/** The most it ever had. */
export const peakResidentMiB = (pid: number): number => statusMiB(pid, 'VmHWM');

function statusMiB(pid: number, field: string): number {
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kibibytes) / 1024;
}

/** Processor time used so far: fields 14 and 15 of stat, in ticks of 1/100 s; the name before them may hold spaces. */
export function cpuMicroseconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}
