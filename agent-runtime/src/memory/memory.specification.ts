/** What conversations and turns must do on any database: run over PGlite and over a real Postgres. */
import { randomUUID } from 'node:crypto';
import { createLogger } from '@cloister/telemetry';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../store/database.ts';
import { migrate } from '../store/migrate.ts';
import { Conversations, type Exchange } from './conversations.ts';
import { Turns } from './turns.ts';

const logger = createLogger({ name: 'test', level: 'silent' });
const patient = new AbortController().signal;

const exchange = (question: string): Exchange => ({
  question,
  answer: { id: randomUUID(), content: `re ${question}`, model: 'a/b', finishReason: 'stop', inputTokens: 1, outputTokens: null },
});

export function describeMemory(open: () => Database): void {
  let database: Database;
  let conversations: Conversations;
  beforeAll(async () => {
    database = open();
    await migrate(database);
    conversations = new Conversations(database, 'helper');
  });
  const turnsOf = (patienceMs: number): Turns => new Turns({ database, logger, patienceMs });
  const begin = async (): Promise<string> => {
    const id = randomUUID();
    await conversations.begin(id, 'key:one', exchange('first'));
    return id;
  };
  const questions = async (id: string): Promise<string[]> =>
    (await conversations.messages(id, { limit: 100 })).filter(({ role }) => role === 'user').map(({ content }) => content);
  const expire = (id: string): Promise<unknown> =>
    database.query(`update conversation set turn_until = now() - interval '1 second' where id = $1`, [id]);

  describe('a schema', () => {
    test('is migrated once however many replicas start at the same time', async () => {
      await Promise.all(Array.from({ length: 4 }, () => migrate(database)));
      expect(await database.query('select version from schema_version')).toEqual([{ version: 1 }]);
    });

    test('keeps what it had when a later migration fails', async () => {
      const broken = [
        { name: 'kept', statements: [] },
        { name: 'broken', statements: ['create table half (id int)', 'select nonsense'] },
      ];
      await expect(migrate(database, broken)).rejects.toMatchObject({ name: 'StatementFailed', sqlState: '42703' });
      expect(await database.query(`select to_regclass('half')::text as half`)).toEqual([{ half: null }]);
    });
  });

  describe('a turn', () => {
    test('is given to one at a time, across replicas', async () => {
      const id = await begin();
      const held = await turnsOf(1_000).take(id, patient);
      await expect(turnsOf(200).take(id, patient)).rejects.toMatchObject({ code: 'conversation_busy' });
      await held.end();
      await (await turnsOf(1_000).take(id, patient)).end();
    });

    test('in the same replica goes to who came first, and past who has given up', async () => {
      const id = await begin();
      const turns = turnsOf(5_000);
      const order: string[] = [];
      const held = await turns.take(id, patient);
      const hangUp = new AbortController();
      const gone = turns.take(id, hangUp.signal);
      const rest = ['second', 'third'].map(async (name) => {
        const turn = await turns.take(id, patient);
        order.push(name);
        await turn.end();
      });
      hangUp.abort(new Error('gone'));
      await expect(gone).rejects.toThrow('gone');
      await held.end();
      await Promise.all(rest);
      expect(order).toEqual(['second', 'third']);
    });

    test('of a replica that died passes on when its time is over', async () => {
      const id = await begin();
      await turnsOf(1_000).take(id, patient);
      await expire(id);
      await (await turnsOf(1_000).take(id, patient)).end();
    });

    test('that was lost can store nothing, so exchanges never interleave', async () => {
      const id = await begin();
      const stalled = await turnsOf(1_000).take(id, patient);
      await expire(id);
      const next = await turnsOf(1_000).take(id, patient);
      expect(await conversations.append(id, stalled.holder, exchange('late'))).toBeUndefined();
      expect(await conversations.append(id, next.holder, exchange('second'))).toBeInstanceOf(Date);
      await Promise.all([stalled.end(), next.end()]);
      expect(await questions(id)).toEqual(['first', 'second']);
    });

    test('ends with storing, and ending it again does not end the next one', async () => {
      const id = await begin();
      const first = await turnsOf(1_000).take(id, patient);
      await conversations.append(id, first.holder, exchange('second'));
      const next = await turnsOf(1_000).take(id, patient);
      await first.end();
      expect(await conversations.append(id, next.holder, exchange('third'))).toBeInstanceOf(Date);
      await next.end();
    });
  });

  describe('an exchange', () => {
    test('is stored whole or not at all', async () => {
      const id = await begin();
      const turn = await turnsOf(1_000).take(id, patient);
      const duplicate = (await conversations.messages(id, { limit: 1 }))[0]?.id ?? '';
      const bad = { ...exchange('second'), answer: { ...exchange('second').answer, id: duplicate } };
      await expect(conversations.append(id, turn.holder, bad)).rejects.toMatchObject({ name: 'StatementFailed', sqlState: '23505' });
      expect(await questions(id)).toEqual(['first']);
      expect(await conversations.append(id, turn.holder, exchange('second'))).toBeInstanceOf(Date);
      await turn.end();
    });

    test('that the database refuses is reported without its content', async () => {
      const id = await begin();
      const error: unknown = await conversations.begin(id, 'key:one', exchange('secret words')).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ name: 'StatementFailed' });
      expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('secret');
    });
  });
}
