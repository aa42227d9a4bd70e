/**
 * Conversations of one agent in the tenant's schema. Each belongs to the subject that began it: every look-up names agent and subject, so
 * somebody else's conversation is as absent as one that never was.
 */
import { z } from 'zod';
import { parseRows, storable, type Database, type Queries } from '../store/database.ts';

export interface Conversation {
  readonly id: string;
  /** The beginning of the first message. */
  readonly title: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface Message {
  readonly id: string;
  readonly role: 'user' | 'assistant';
  readonly content: string;
  readonly createdAt: Date;
  /** Why an assistant's message ended: OpenAI's reasons, or `cancelled` when the caller hung up. */
  readonly finishReason: string | null;
}

export interface Page {
  /** At most this many. */
  readonly limit: number;
  /** Only what is older than this id. */
  readonly before?: string | undefined;
}

/** Both halves of an exchange. They are stored together or not at all. */
export interface Exchange {
  readonly question: string;
  readonly answer: Answer;
}

export interface Answer {
  readonly id: string;
  readonly content: string;
  readonly model: string;
  readonly finishReason: string;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
}

const conversationRow = z
  .object({ id: z.string(), title: z.string(), created_at: z.date(), updated_at: z.date() })
  .transform(({ id, title, created_at, updated_at }): Conversation => ({ id, title, createdAt: created_at, updatedAt: updated_at }));

const messageRow = z
  .object({
    id: z.string(),
    role: z.enum(['user', 'assistant']),
    content: z.string(),
    created_at: z.date(),
    finish_reason: z.string().nullable(),
  })
  .transform(({ created_at, finish_reason, ...rest }): Message => ({ ...rest, createdAt: created_at, finishReason: finish_reason }));

const lengthRow = z.object({ length: z.int() });
const createdRow = z.object({ created_at: z.date() });
const uuid = z.uuid();
const titleLength = 80;

export class Conversations {
  readonly #database: Database;
  readonly #agent: string;

  constructor(database: Database, agent: string) {
    this.#database = database;
    this.#agent = agent;
  }

  /** Whether the subject has a conversation of that id. Any text may be asked for. */
  async belongsTo(subject: string, id: string): Promise<boolean> {
    if (!uuid.safeParse(id).success) return false;
    const found = 'select from conversation where id = $1 and agent = $2 and subject = $3';
    return (await this.#database.query(found, [id, this.#agent, storable(subject)])).length > 0;
  }

  /** Latest activity first. */
  async list(subject: string, { limit, before }: Page): Promise<Conversation[]> {
    const rows = await this.#database.query(
      `select id, title, created_at, updated_at from conversation
        where agent = $1 and subject = $2
          and ($3::uuid is null or (updated_at, id) < (select updated_at, id from conversation where id = $3 and agent = $1 and subject = $2))
        order by updated_at desc, id desc limit $4`,
      [this.#agent, storable(subject), before ?? null, limit],
    );
    return parseRows(conversationRow, rows);
  }

  /** The newest messages, oldest first. The caller has made sure whose conversation it is. */
  async messages(conversation: string, { limit, before }: Page): Promise<Message[]> {
    const rows = await this.#database.query(
      `select id, role, content, created_at, finish_reason from message
        where conversation = $1 and ($2::uuid is null or seq < (select seq from message where id = $2 and conversation = $1))
        order by seq desc limit $3`,
      [conversation, before ?? null, limit],
    );
    return parseRows(messageRow, rows).reverse();
  }

  /** Begins a conversation with its first exchange. */
  begin(id: string, subject: string, exchange: Exchange): Promise<Date> {
    return this.#database.transaction(async (queries) => {
      const create = 'insert into conversation (id, agent, subject, title, length) values ($1, $2, $3, $4, 2)';
      await queries.query(create, [id, this.#agent, storable(subject), titleOf(exchange.question)]);
      return insertExchange(queries, id, 1, exchange);
    });
  }

  /**
   * Adds an exchange and ends the turn of `holder`. Undefined, and nothing stored, when the turn is no longer theirs: then somebody else may
   * have gone on with the conversation, and this answer was given to an older state of it.
   */
  append(id: string, holder: string, exchange: Exchange): Promise<Date | undefined> {
    return this.#database.transaction(async (queries) => {
      const extend = `
        update conversation set length = length + 2, updated_at = now(), turn_holder = null, turn_until = null
         where id = $1 and turn_holder = $2 returning length`;
      const [row] = parseRows(lengthRow, await queries.query(extend, [id, holder]));
      return row && insertExchange(queries, id, row.length - 1, exchange);
    });
  }
}

async function insertExchange(queries: Queries, conversation: string, seq: number, { question, answer }: Exchange): Promise<Date> {
  await queries.query(`insert into message (id, conversation, seq, role, content) values (gen_random_uuid(), $1, $2, 'user', $3)`, [
    conversation,
    seq,
    storable(question),
  ]);
  const { id, content, model, finishReason, inputTokens, outputTokens } = answer;
  const rows = await queries.query(
    `insert into message (id, conversation, seq, role, content, model, finish_reason, input_tokens, output_tokens)
     values ($1, $2, $3, 'assistant', $4, $5, $6, $7, $8) returning created_at`,
    [id, conversation, seq + 1, storable(content), model, finishReason, inputTokens, outputTokens],
  );
  const [row] = parseRows(createdRow, rows);
  if (!row) throw new Error('an insert returned no row');
  return row.created_at;
}

const titleOf = (message: string): string => storable(message).replace(/\s+/g, ' ').trim().slice(0, titleLength).toWellFormed();
