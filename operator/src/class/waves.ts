/**
 * Which tenants are moved to the wanted revision next, and whether anybody is. Pure; the rules of docs/decisions/0013 and 0063.
 *
 * Everything follows from what is stored: the status of the class and of its tenants. So a crash at any point changes nothing, and an edit
 * during a rollout simply makes another situation.
 */
import { agentsSeconds, mostInAWave, type RolloutSpec, type Wave } from '../api/tenant-class.ts';
import type { Reason } from '../status/reasons.ts';

/** A tenant that takes part: not pinned, not being deleted. Times in milliseconds since 1970. */
export interface Member {
  readonly name: string;
  readonly canary: boolean;
  readonly revision: string | undefined;
  /** When it was moved to its revision; undefined where it began there. */
  readonly movedAt: number | undefined;
  readonly ready: boolean;
  /** Since when it is Ready, or is not. */
  readonly readyChangedAt: number;
  /** Its agents have followed it to its revision, as far as they can. */
  readonly settled: boolean;
}

export interface Situation {
  readonly wanted: string;
  readonly atOnce: boolean;
  readonly rollout: RolloutSpec | undefined;
  /** The latest wave on the way to the wanted revision. */
  readonly wave: Wave | undefined;
  readonly members: readonly Member[];
  readonly now: number;
}

export interface Decision {
  readonly complete: boolean;
  readonly wave?: Wave | undefined;
  readonly hold?: { readonly reason: Reason; readonly message: string };
  /** When to look again although nothing changed. */
  readonly lookAgainAt?: number | undefined;
}

export function decideWave(situation: Situation): Decision {
  const { wanted, atOnce, rollout, members } = situation;
  const left = members.filter(({ revision }) => revision !== wanted);
  if (!rollout || atOnce) return left.length === 0 ? { complete: true } : { complete: false, hold: moving(situation, left.length) };
  return inWaves({ ...situation, rollout }, left);
}

type InWaves = Situation & { readonly rollout: RolloutSpec };

function inWaves(situation: InWaves, left: readonly Member[]): Decision {
  const { wave, rollout, now } = situation;
  const { failed, nextAt } = judgeMoved(situation);
  if (failed.length > rollout.maxUnready)
    return { complete: false, wave: wave && { ...wave, stopped: true }, hold: stopped(situation, failed) };
  const going = wave && { ...wave, stopped: undefined };
  const open = going ? unsettled(situation, going) : [];
  if (going && open.length > 0)
    return {
      complete: false,
      wave: { ...going, completionTime: undefined },
      hold: waiting(situation, going, namesOf(open)),
      lookAgainAt: earliest([nextAt, ...open.map(({ until }) => until)]),
    };
  if (left.length === 0) return { complete: true };
  const ended = going && { ...going, completionTime: going.completionTime ?? timeOf(now) };
  return between(situation, { ended, left, nextAt });
}

interface Between {
  readonly ended: (Wave & { readonly completionTime: string }) | undefined;
  readonly left: readonly Member[];
  readonly nextAt: number | undefined;
}

function between(situation: InWaves, { ended, left, nextAt }: Between): Decision {
  const { rollout, now, members } = situation;
  if (rollout.paused) return { complete: false, wave: ended, hold: held(situation), lookAgainAt: nextAt };
  const dueAt = ended ? Date.parse(ended.completionTime) + rollout.pauseSeconds * 1000 : now;
  if (now < dueAt) return { complete: false, wave: ended, hold: pausing(situation, dueAt), lookAgainAt: Math.min(dueAt, nextAt ?? dueAt) };
  const tenants = namesOf(nextTenants(left, waveSizeOf(rollout.waveSize, members.length)));
  const next: Wave = { wave: (ended?.wave ?? 0) + 1, tenants, startTime: timeOf(now) };
  return { complete: false, wave: next, hold: waiting(situation, next, tenants) };
}

/** The canaries, all of them, before anybody else; of the others those that serve first, so that trouble shows where there was none. */
export function nextTenants(left: readonly Member[], size: number): Member[] {
  const canaries = left.filter(({ canary }) => canary);
  const order = ({ ready, name }: Member) => `${ready ? 0 : 1} ${name}`;
  const sorted = [...(canaries.length > 0 ? canaries : left)].sort((a, b) => (order(a) < order(b) ? -1 : 1));
  return sorted.slice(0, canaries.length > 0 ? mostInAWave : Math.min(size, mostInAWave));
}

/** At least one. */
export const waveSizeOf = (size: string, members: number): number =>
  size.endsWith('%') ? Math.max(1, Math.ceil((members * Number.parseInt(size, 10)) / 100)) : Number(size);

/** Not Ready since it was moved. What was broken before says nothing about the revision. */
const suffers = ({ ready, movedAt, readyChangedAt }: Member): boolean => !ready && movedAt !== undefined && readyChangedAt >= movedAt;

function judgeMoved({ wanted, members, rollout, now }: InWaves): { failed: Member[]; nextAt: number | undefined } {
  const patience = rollout.unreadySeconds * 1000;
  const suffering = members.filter((member) => member.revision === wanted && suffers(member));
  const isOver = ({ readyChangedAt }: Member) => now - readyChangedAt >= patience;
  const due = suffering.filter((member) => !isOver(member)).map(({ readyChangedAt }) => readyChangedAt + patience);
  return { failed: suffering.filter(isOver), nextAt: earliest(due) };
}

interface Open {
  readonly name: string;
  /** When it is waited for no more, whatever it does; Infinity where that is never. */
  readonly until: number;
}

/** Tenants of the wave that still have to move, to follow, or to prove themselves. One that left the class is waited for no more. */
function unsettled(situation: InWaves, wave: Wave): Open[] {
  const inWave = new Set(wave.tenants);
  return situation.members
    .filter(({ name }) => inWave.has(name))
    .map((member) => ({ name: member.name, until: waitsUntil(member, situation, wave) }))
    .filter(({ until }) => until > situation.now);
}

function waitsUntil(member: Member, { wanted, rollout: { unreadySeconds } }: InWaves, { startTime }: Wave): number {
  const { revision, ready, settled, movedAt = Date.parse(startTime), readyChangedAt } = member;
  if (revision !== wanted) return Infinity;
  if (ready) return settled ? -Infinity : movedAt + Math.max(unreadySeconds, agentsSeconds) * 1000;
  return suffers(member) ? readyChangedAt + unreadySeconds * 1000 : -Infinity;
}

const earliest = (times: readonly (number | undefined)[]): number | undefined => {
  const first = Math.min(...times.map((time) => time ?? Infinity));
  return first === Infinity ? undefined : first;
};

const namesOf = (those: readonly { readonly name: string }[]): string[] => those.map(({ name }) => name);

const countOf = ({ wanted, members }: Situation): string =>
  `${members.filter(({ revision }) => revision === wanted).length} of ${members.length} tenants are on revision ${wanted}`;

const moving = (situation: Situation, left: number) =>
  ({ reason: 'RollingOut', message: `${left} tenants are still to move: ${countOf(situation)}` }) as const;

const waiting = (situation: Situation, { wave }: Wave, open: readonly string[]) =>
  ({ reason: 'RollingOut', message: `wave ${wave} waits for ${shortList(open)}; ${countOf(situation)}` }) as const;

const pausing = (situation: Situation, dueAt: number) =>
  ({ reason: 'WavePause', message: `the next wave begins at ${timeOf(dueAt)}; ${countOf(situation)}` }) as const;

const held = (situation: Situation) =>
  ({ reason: 'RolloutPaused', message: `spec.rollout.paused is true: no further wave begins; ${countOf(situation)}` }) as const;

const stopped = (situation: InWaves, failed: readonly Member[]) =>
  ({
    reason: 'RolloutStopped',
    message:
      `${failed.length} tenants stopped being Ready after they were moved, more than spec.rollout.maxUnready (${situation.rollout.maxUnready}): ` +
      `${shortList(namesOf(failed))}; ${countOf(situation)}. Edit the class back, or put these tenants right and it goes on`,
  }) as const;

const shortList = (names: readonly string[]): string => {
  const sorted = [...names].sort();
  return sorted.length > 5 ? `${sorted.slice(0, 5).join(', ')} and ${sorted.length - 5} more` : sorted.join(', ');
};

/** As conditions have it: whole seconds. */
const timeOf = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
