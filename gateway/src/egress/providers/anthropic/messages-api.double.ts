/** Answers as Anthropic's Messages API words them, for a double of its wire format. No model is behind it. */
import { beginStream, type Answer } from '../provider.double.ts';

export interface DoubledUsage {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cache_creation_input_tokens?: number;
  readonly cache_read_input_tokens?: number;
}
const someUsage: DoubledUsage = { input_tokens: 10, output_tokens: 5 };

export const message =
  (content: readonly object[], stop_reason = 'end_turn', usage: DoubledUsage = someUsage): Answer =>
  (response) => {
    const head = { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-real', stop_sequence: null };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ ...head, content, stop_reason, usage }));
  };

export const event = (fields: { readonly type: string } & Readonly<Record<string, unknown>>): string =>
  `event: ${fields.type}\ndata: ${JSON.stringify(fields)}\n\n`;

export const start = (usage: DoubledUsage = { input_tokens: 10, output_tokens: 1 }): string =>
  event({
    type: 'message_start',
    message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-real', content: [], stop_reason: null, usage },
  }) + event({ type: 'ping' });
export const textStart = (index = 0): string => event({ type: 'content_block_start', index, content_block: { type: 'text', text: '' } });
export const text = (words: string, index = 0): string =>
  event({ type: 'content_block_delta', index, delta: { type: 'text_delta', text: words } });
export const toolStart = (index: number, id: string, name: string): string =>
  event({ type: 'content_block_start', index, content_block: { type: 'tool_use', id, name, input: {} } });
export const json = (index: number, partial_json: string): string =>
  event({ type: 'content_block_delta', index, delta: { type: 'input_json_delta', partial_json } });
export const stop = (index = 0): string => event({ type: 'content_block_stop', index });
export const end = (stop_reason = 'end_turn', usage: Partial<DoubledUsage> = { output_tokens: 5 }): string =>
  event({ type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage }) + event({ type: 'message_stop' });

export const error = (type: string, words = 'in its own words'): string => event({ type: 'error', error: { type, message: words } });

export const refusal =
  (status: number, type: string, words: string, headers: Record<string, string> = {}): Answer =>
  (response) => {
    const body = { type: 'error', error: { type, message: words }, request_id: 'req_1' };
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  };

/** Each piece as one packet. */
export const streamedEvents =
  (...pieces: readonly string[]): Answer =>
  (response) => {
    beginStream(response);
    for (const piece of pieces) response.write(piece);
    response.end();
  };
