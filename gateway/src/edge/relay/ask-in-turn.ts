import { ApiError } from '@cloister/api-errors';

/**
 * As the first of them answers who can be reached. The next is asked only where nothing has been sent to the one before, so that no request is
 * answered twice; `passedOver` hears of that. `ask` hears whether somebody else is left. Where nobody can be reached, the error is that of the last.
 */
export async function askInTurn<A, T>(
  [agent, ...others]: readonly [A, ...A[]],
  ask: (agent: A, othersLeft: boolean) => Promise<T>,
  passedOver: (agent: A) => void,
): Promise<T> {
  const [next, ...rest] = others;
  if (!next) return ask(agent, false);
  try {
    return await ask(agent, true);
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'agent_unavailable') throw error;
    passedOver(agent);
    return askInTurn([next, ...rest], ask, passedOver);
  }
}
