/** Callers that stream from processes of egress without pause, and how each stream went. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from '../../../gateway/src/egress/egress.fixture.ts';
import { endMark } from '../../../gateway/src/egress/providers/provider.double.ts';

/** `whole`, `error event`, `broken`, or status and text of another answer. */
export type Outcome = string;

/** Neither an answer from its beginning to its end nor a refusal by the budget. */
export const isUnexpected = (outcome: Outcome): boolean => outcome !== 'whole' && !/^(429|503) .*"code":"budget_/.test(outcome);

/** What is left is too little for another call, or held by a replica that has died. */
export const isSpent = (outcome: Outcome | undefined): boolean => /^429 .*"code":"budget_(exceeded|reserved)"/.test(outcome ?? '');

/** One stream of the tenant. */
async function stream(url: string, tenant: string): Promise<Outcome> {
  try {
    const answer = await fetch(`${url}/v1/chat/completions`, ask(tenant, { model: 'p/m', stream: true, max_tokens: 100 }));
    const text = await answer.text();
    if (answer.status === 200) return text.endsWith(endMark) ? 'whole' : 'error event';
    return `${answer.status} ${text}`;
  } catch {
    return 'broken';
  }
}

interface Asked {
  readonly url: string;
}

export interface Calling<M extends Asked> {
  /** So far, in the order in which they ended. */
  outcomes(member: M): readonly Outcome[];
  /** Lets the last streams end. */
  stop(): Promise<void>;
}

export interface CallingOptions<M extends Asked> {
  readonly tenant: string;
  /** Is looked at before each stream, so that one can be put in the place of another. */
  readonly members: readonly M[];
  readonly ofEach: number;
  /** Milliseconds that one waits who got no whole stream. */
  readonly wait: number;
}

export function callers<M extends Asked>({ tenant, members, ofEach, wait }: CallingOptions<M>): Calling<M> {
  const outcomes = new Map<M, Outcome[]>();
  let stopped = false;
  const one = async (turn: number) => {
    while (!stopped) {
      const member = members[turn % members.length];
      if (!member) return;
      const outcome = await stream(member.url, tenant);
      outcomes.set(member, [...(outcomes.get(member) ?? []), outcome]);
      if (outcome !== 'whole') await sleep(wait);
    }
  };
  const running = Promise.all(Array.from({ length: ofEach * members.length }, (_, turn) => one(turn)));
  return {
    outcomes: (member) => outcomes.get(member) ?? [],
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}
