/**
 * One exchange of a stored conversation: question, history to the model, answer, store.
 *
 * Guarantees: question and answer are stored together or not at all, so a failed exchange leaves the conversation as it was and may simply be
 * sent again. Exchanges of one conversation follow one another. A caller who hangs up in mid-answer finds what was produced until then in
 * the history, marked `cancelled`.
 */
import { randomUUID } from 'node:crypto';
import type { Conversations, Answer } from '../memory/conversations.ts';
import type { Turn, Turns } from '../memory/turns.ts';
import type { Served } from '../model/first-reachable.ts';
import { completionEvents, type CompletionEvent } from '../model/completion-stream.ts';
import { ClientGone, fail } from '../errors.ts';

export interface HistoryMessage {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

export interface Question {
  readonly subject: string;
  readonly text: string;
  /** Absent: a new conversation begins. */
  readonly conversation: string | undefined;
  /** How many earlier messages go to the model. */
  readonly remember: number;
  readonly signal: AbortSignal;
}

export interface Listener {
  /** The model has begun to answer. */
  onStart(ids: { readonly conversation: string; readonly message: string }): void;
  /** Resolves when the caller is ready for more. */
  onText(text: string): Promise<void>;
}

export interface ConverseParts {
  readonly conversations: Conversations;
  readonly turns: Turns;
  /** Asks the model for a streamed completion of these messages, the question last. */
  readonly ask: (messages: readonly HistoryMessage[]) => Promise<Served>;
}

export interface Exchanged {
  readonly conversation: string;
  readonly answer: Answer;
  readonly createdAt: Date;
}

/** Throws `conversation_not_found`, `conversation_busy`, the model's errors, the database's, or the signal's reason. */
export async function converse(parts: ConverseParts, question: Question, listener: Listener): Promise<Exchanged> {
  if (question.conversation === undefined) return beginConversation(parts, question, listener);
  // Asked before waiting for a turn: a wait would tell a stranger that the conversation exists.
  if (!(await parts.conversations.belongsTo(question.subject, question.conversation))) throw fail('conversation_not_found');
  const turn = await parts.turns.take(question.conversation, question.signal);
  try {
    return await continueConversation(parts, question, question.conversation, turn, listener);
  } finally {
    await turn.end();
  }
}

async function beginConversation(parts: ConverseParts, question: Question, listener: Listener): Promise<Exchanged> {
  const conversation = randomUUID();
  const answer = await answered(parts, question, conversation, [], listener);
  const createdAt = await parts.conversations.begin(conversation, question.subject, { question: question.text, answer });
  return { conversation, answer, createdAt };
}

async function continueConversation(
  parts: ConverseParts,
  question: Question,
  conversation: string,
  turn: Turn,
  listener: Listener,
): Promise<Exchanged> {
  const earlier = question.remember === 0 ? [] : await parts.conversations.messages(conversation, { limit: question.remember });
  const answer = await answered(parts, question, conversation, fromFirstQuestion(earlier), listener);
  const createdAt = await parts.conversations.append(conversation, turn.holder, { question: question.text, answer });
  if (!createdAt) throw fail('conversation_busy', { retryAfterSeconds: 1 });
  return { conversation, answer, createdAt };
}

/** Several models refuse a history that begins with their own words, which cutting it to a length can produce. */
function fromFirstQuestion(messages: readonly HistoryMessage[]): HistoryMessage[] {
  const first = messages.findIndex(({ role }) => role === 'user');
  return first < 0 ? [] : messages.slice(first).map(({ role, content }) => ({ role, content }));
}

async function answered(
  { ask }: ConverseParts,
  { text, signal }: Question,
  conversation: string,
  history: readonly HistoryMessage[],
  listener: Listener,
): Promise<Answer> {
  const { model, answer } = await ask([...history, { role: 'user', content: text }]);
  const id = randomUUID();
  listener.onStart({ conversation, message: id });
  const said: Said = { content: '', finishReason: '', inputTokens: null, outputTokens: null };
  try {
    for await (const event of completionEvents(answer.body)) {
      note(said, event);
      if (event.type === 'text') await listener.onText(event.text);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    if (!(signal.reason instanceof ClientGone) || said.content === '') throw signal.reason;
    said.finishReason = 'cancelled';
  }
  return { id, model, ...said };
}

type Said = { -readonly [Field in keyof Omit<Answer, 'id' | 'model'>]: Answer[Field] };

function note(said: Said, event: CompletionEvent): void {
  switch (event.type) {
    case 'text':
      said.content += event.text;
      break;
    case 'finish':
      said.finishReason = event.reason;
      break;
    case 'usage':
      said.inputTokens = event.inputTokens;
      said.outputTokens = event.outputTokens;
  }
}
