/**
 * Verifies an export, with nothing but the export and, at best, anchors that were kept elsewhere. Reads line by line, so its size does not
 * matter.
 *
 * An export of which records were pruned begins after them, with the hash of the last one, and has the record that says so.
 *
 * Finds every line that was removed, changed, repeated, moved or added, and an end that was cut off. Whoever recomputes all hashes from the
 * change on, and the last line, is found by an anchor from after the change; without an anchor nothing in the export can tell.
 */
import { z } from 'zod';
import { after, beginning, format, type Head } from './chain.ts';
import { firstLine, lastLine, recordLine } from './export.ts';
import { auditRecord, pruningRecord } from './record.ts';
import { Writers, type WriterReport } from './writers.ts';

export interface Verdict {
  readonly tenant: string | undefined;
  readonly tenantUid: string | undefined;
  readonly records: number;
  /** The last of those that are not here because they were removed for their age. */
  readonly pruned: Head | undefined;
  /** Where the chain ends: the anchor for the next time. */
  readonly end: Head | undefined;
  /** What is wrong, in order; empty where nothing is. */
  readonly problems: readonly string[];
  /** What gateways lost before it got into the chain. */
  readonly writers: WriterReport;
}

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const pruned = z.strictObject({ seq: z.int().positive(), hash }).optional();
const first = z.strictObject({ format: z.literal(format), tenantUid: z.string(), tenant: z.string(), pruned });
const link = z.strictObject({ seq: z.int().positive(), hash, record: auditRecord });
const last = z.strictObject({ end: z.strictObject({ seq: z.int().nonnegative(), hash }) });

export async function verify(lines: AsyncIterable<string>, anchors: readonly Head[] = []): Promise<Verdict> {
  const examination = new Examination(anchors);
  let number = 0;
  for await (const line of lines) examination.read(line, ++number);
  return examination.verdict();
}

class Examination {
  readonly #anchors: ReadonlyMap<number, readonly Head[]>;
  readonly #problems: string[] = [];
  #writers = new Writers(true);
  #owner: z.infer<typeof first> | undefined;
  #head: Head = { seq: 0, hash: '' };
  #end: Head | undefined;
  #records = 0;
  /** The latest pruning that is on record. */
  #pruning: Head | undefined;

  constructor(anchors: readonly Head[]) {
    this.#anchors = Map.groupBy(anchors, ({ seq }) => seq);
  }

  read(line: string, number: number): void {
    const tell = (problem: string): void => void this.#problems.push(`line ${number}: ${problem}`);
    const value = parse(line);
    if (number === 1) this.#readFirst(line, value, tell);
    else if (this.#end) tell('it stands behind the end of the chain');
    else if (last.safeParse(value).success) this.#readLast(line, value, tell);
    else this.#readLink(line, value, tell);
  }

  verdict(): Verdict {
    if (!this.#end) this.#problems.push(`the export has no last line: it was cut off after record ${this.#head.seq}`);
    const begins = this.#owner?.pruned;
    if (begins && (begins.seq !== this.#pruning?.seq || begins.hash !== this.#pruning.hash))
      this.#problems.push(`records up to ${begins.seq} are missing, and it is not on record that they were removed for their age`);
    for (const seq of this.#anchors.keys())
      if (seq > this.#head.seq)
        this.#problems.push(`an anchor knows record ${seq}, and the chain ends with ${this.#head.seq}: the rest was cut off`);
    return {
      tenant: this.#owner?.tenant,
      tenantUid: this.#owner?.tenantUid,
      records: this.#records,
      pruned: this.#owner?.pruned,
      end: this.#end,
      problems: this.#problems,
      writers: this.#writers.report(),
    };
  }

  #readFirst(line: string, value: unknown, tell: (problem: string) => void): void {
    const owner = (this.#owner = first.safeParse(value).data);
    if (!owner || lineOf(owner) !== line) tell(`it does not say whose records follow, in format ${format}`);
    if (owner) this.#head = owner.pruned ?? beginning(owner);
    this.#writers = new Writers(owner?.pruned === undefined);
    this.#compare(this.#head, tell);
  }

  #readLink(line: string, value: unknown, tell: (problem: string) => void): void {
    const read = link.safeParse(value).data;
    if (!read) {
      tell('it is no record, or it was changed');
      return;
    }
    const text = JSON.stringify(isObject(value) ? value['record'] : undefined);
    if (recordLine(read, text) !== line) tell('it was changed: this is not how records are written');
    const { seq } = this.#head;
    if (read.seq <= seq) tell(`record ${read.seq} stands where ${seq + 1} belongs: it was repeated or moved`);
    else if (read.seq > seq + 1)
      tell(`${read.seq === seq + 2 ? `record ${seq + 1} is` : `records ${seq + 1} to ${read.seq - 1} are`} missing`);
    else if (after(this.#head, text).hash !== read.hash) tell(`record ${read.seq} or its hash was changed`);
    this.#records++;
    this.#writers.saw(read.record);
    const pruning = read.record.kind === 'administrative_change' ? pruningRecord.safeParse(read.record).data : undefined;
    if (pruning) this.#pruning = { seq: pruning.upTo, hash: pruning.hash };
    this.#head = { seq: read.seq, hash: read.hash };
    this.#compare(this.#head, tell);
  }

  #readLast(line: string, value: unknown, tell: (problem: string) => void): void {
    this.#end = last.parse(value).end;
    if (lastLine(this.#end) !== line) tell('it was changed: this is not how the last line is written');
    if (this.#end.seq > this.#head.seq)
      tell(`the chain ends with record ${this.#end.seq}, and records from ${this.#head.seq + 1} on are missing`);
    else if (this.#end.seq < this.#head.seq || this.#end.hash !== this.#head.hash) tell('it names another end than the last record');
  }

  #compare({ seq, hash: found }: Head, tell: (problem: string) => void): void {
    if (this.#anchors.get(seq)?.some(({ hash }) => hash !== found))
      tell(`record ${seq} is not the one that the anchor knows: the chain was written anew`);
  }
}

const lineOf = ({ pruned: before, ...owner }: z.infer<typeof first>): string => firstLine({ ...owner, pruned: before });

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
