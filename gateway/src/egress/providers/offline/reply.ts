/**
 * What the offline model answers: always the same to the same request. It understands a few phrases in the user's last message, so that
 * tools, lengths, slowness and failures can be tried without a real model; the README lists them.
 */
import { wordsOf, type Conversation } from './conversation.ts';

export interface Reply {
  readonly words: readonly string[];
  readonly toolCall: { readonly name: string; readonly arguments: string } | undefined;
  readonly finish: 'stop' | 'length' | 'tool_calls';
  /** Milliseconds between two pieces of a stream. */
  readonly pause: number;
}

export type Decision = { readonly status: number } | Reply;

const slowPause = 50;
const instructionsShown = 200;

/** Each phrase, and what it leads to. The first that occurs wins. */
export function decide(conversation: Conversation): Decision {
  const { asked, tools, toolAnswer } = conversation;
  const pause = /\bslowly\b/i.test(asked) ? slowPause : 0;
  if (toolAnswer !== undefined) return say(`The tool answered: ${toolAnswer}`, conversation.maxTokens, pause);

  const failure = /\bfail with ([45]\d\d)\b/i.exec(asked);
  if (failure) return { status: Number(failure[1]) };

  const [, tool, json] = /\bcall tool ([\w.-]+) with (\{[^]*\})/i.exec(asked) ?? [];
  if (tool !== undefined && json !== undefined && tools.includes(tool)) return callTool(tool, json, conversation.maxTokens, pause);

  const counted = /\bsay (\d{1,7}) words\b/i.exec(asked);
  if (counted) return sayWords(Number(counted[1]), conversation.maxTokens, pause);
  return say(describe(conversation), conversation.maxTokens, pause);
}

function describe({ instructions, asked, earlier }: Conversation): string {
  const told = instructions === '' ? 'none' : `"${instructions.slice(0, instructionsShown)}"`;
  return `This is Cloister's offline model, no real one. Instructions: ${told}. You said: "${asked}". Earlier messages: ${earlier}.`;
}

const say = (text: string, maxTokens: number, pause: number): Reply => cut(wordsOf(text), maxTokens, pause);

/** A call that does not fit is not made at all: half of its arguments would be of no use to anybody. */
function callTool(name: string, json: string, maxTokens: number, pause: number): Reply {
  const reply: Reply = { words: [], toolCall: { name, arguments: json }, finish: 'tool_calls', pause };
  return sizeOf(reply) <= maxTokens ? reply : { words: [], toolCall: undefined, finish: 'length', pause };
}

/** Makes no more words than may be said, however many are asked for. */
const sayWords = (count: number, maxTokens: number, pause: number): Reply => {
  const words = Array.from({ length: Math.min(count, maxTokens) }, (_, position) => `word${position + 1}`);
  return { words, toolCall: undefined, finish: count > maxTokens ? 'length' : 'stop', pause };
};

/** A word is a token here. */
const cut = (words: readonly string[], maxTokens: number, pause: number): Reply => ({
  words: words.slice(0, maxTokens),
  toolCall: undefined,
  finish: words.length > maxTokens ? 'length' : 'stop',
  pause,
});

/** Tokens that the reply counts as. */
export const sizeOf = ({ words, toolCall }: Reply): number =>
  words.length + (toolCall ? 1 + Math.ceil(Buffer.byteLength(toolCall.arguments) / 4) : 0);
