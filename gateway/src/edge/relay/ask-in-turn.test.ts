import { expect, test } from 'vitest';
import { fail } from '../errors.ts';
import { askInTurn } from './ask-in-turn.ts';

type Outcome = 'answers' | 'away' | 'fails';

/** Who was asked and who was passed over, in order, and what came of it. */
async function turn(...[first, ...others]: readonly [Outcome, ...Outcome[]]) {
  const told: string[] = [];
  const ask = (agent: Outcome, othersLeft: boolean) => {
    told.push(`${agent}${othersLeft ? ', others left' : ''}`);
    if (agent === 'answers') return Promise.resolve('answer');
    return Promise.reject(fail(agent === 'away' ? 'agent_unavailable' : 'agent_failed', { values: { agent } }));
  };
  const came = await askInTurn([first, ...others], ask, (agent) => told.push(`not ${agent}`)).catch((error: unknown) => error);
  return { told, came };
}

test('the next is asked where the one before cannot be reached, and the last knows that it is the last', async () => {
  expect(await turn('away', 'away', 'answers')).toEqual({
    told: ['away, others left', 'not away', 'away, others left', 'not away', 'answers'],
    came: 'answer',
  });
});

test('nobody else is asked after an answer, or after a failure of who was reached', async () => {
  expect(await turn('answers', 'away')).toEqual({ told: ['answers, others left'], came: 'answer' });
  expect(await turn('fails', 'answers')).toMatchObject({ told: ['fails, others left'], came: { code: 'agent_failed' } });
});

test('where nobody can be reached that is what comes of it', async () => {
  expect(await turn('away', 'away')).toMatchObject({
    told: ['away, others left', 'not away', 'away'],
    came: { code: 'agent_unavailable' },
  });
});
