import { open } from 'node:fs/promises';
import { z } from 'zod';

/** One request, as the API server saw it. */
export interface Request {
  readonly user: string;
  readonly verb: string;
  /** `deployments`, `tenants/status`. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  /** HTTP status of the answer. */
  readonly status: number;
  /** Milliseconds since the epoch, with microseconds behind the point: when it came, and when it was answered. */
  readonly cameAt: number;
  readonly answeredAt: number;
}

const line = z.object({
  stage: z.string(),
  verb: z.string(),
  user: z.object({ username: z.string() }),
  objectRef: z
    .object({
      resource: z.string().default(''),
      subresource: z.string().optional(),
      namespace: z.string().default(''),
      name: z.string().default(''),
    })
    .optional(),
  responseStatus: z.object({ code: z.number().default(0) }).optional(),
  requestReceivedTimestamp: z.string(),
  stageTimestamp: z.string(),
});

/** Longer than any line. */
const pieceBytes = 2 ** 25;

/**
 * The API server's audit log, read bit by bit. It is what times are taken from: the server's clock alone, to the microsecond, and nothing
 * that measures has to watch the objects it measures.
 */
export class AuditLog {
  readonly #path: string;
  #offset = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Everything since the last call. */
  async take(): Promise<Request[]> {
    const file = await open(this.#path);
    const requests: Request[] = [];
    try {
      const piece = Buffer.alloc(pieceBytes);
      for (;;) {
        const { bytesRead } = await file.read(piece, 0, piece.length, this.#offset);
        const end = piece.subarray(0, bytesRead).lastIndexOf(10) + 1; // the rest of a line that is being written comes next time
        if (end === 0) return requests;
        this.#offset += end;
        for (const text of piece.toString('utf8', 0, end).split('\n')) if (text !== '') requests.push(...read(text));
      }
    } finally {
      await file.close();
    }
  }
}

function read(text: string): Request[] {
  const { stage, verb, user, objectRef, responseStatus, requestReceivedTimestamp, stageTimestamp } = line.parse(JSON.parse(text));
  if (stage !== 'ResponseComplete') return [];
  const { resource = '', subresource, namespace = '', name = '' } = objectRef ?? {};
  return [
    {
      user: user.username,
      verb,
      resource: subresource === undefined ? resource : `${resource}/${subresource}`,
      namespace,
      name,
      status: responseStatus?.code ?? 0,
      cameAt: instant(requestReceivedTimestamp),
      answeredAt: instant(stageTimestamp),
    },
  ];
}

/** `Date` stops at milliseconds. */
function instant(text: string): number {
  const [whole = '', fraction = ''] = text.replace('Z', '').split('.');
  return Date.parse(`${whole}Z`) + Number(`0.${fraction}0`) * 1000;
}
