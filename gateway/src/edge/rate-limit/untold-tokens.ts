import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Exchange } from '../../server/exchange.ts';

const bytesPerToken = 4;
const tokensPerSecond = 100;

export interface Untold {
  /** What an agent is sent, and how many bytes of it were read; undefined as long as it is sent nothing. */
  body: { readonly read: number } | undefined;
  tokens(): number;
}

/**
 * What a call costs in tokens when nobody tells: its caller left before the end, or the agent does not count. A token for every four bytes that were
 * read of the request or written of the answer, and at least a hundred for each second that has begun, which is a model's pace: this slows tenants
 * down, and is not what egress bills of a call that broke off. Only a POST makes a model work, and of an error nothing counts.
 */
export function untoldTokens(request: IncomingMessage, response: ServerResponse, gone: Exchange['gone']): Untold {
  const { socket } = request;
  const [started, written] = [performance.now(), socket.bytesWritten];
  return {
    body: undefined,
    tokens() {
      const answered = response.headersSent && response.statusCode < 400;
      if (request.method !== 'POST' || !(answered || gone.aborted)) return 0;
      const bytes = (this.body?.read ?? 0) + socket.bytesWritten - written;
      const seconds = (performance.now() - started) / 1000;
      return Math.max(Math.ceil(bytes / bytesPerToken), tokensPerSecond * Math.ceil(seconds));
    },
  };
}
