/** The API server's own record of who wrote what, as evidence that needs nobody's word. */
import { open, stat } from 'node:fs/promises';
import { z } from 'zod';

const auditEvent = z.object({
  verb: z.string(),
  requestReceivedTimestamp: z.string(),
  userAgent: z.string().optional(),
  user: z.object({
    username: z.string(),
    extra: z.looseObject({ 'authentication.kubernetes.io/pod-name': z.array(z.string()).optional() }).optional(),
  }),
  objectRef: z
    .object({ resource: z.string(), namespace: z.string().optional(), name: z.string().optional(), subresource: z.string().optional() })
    .optional(),
  responseStatus: z.object({ code: z.number().optional() }).optional(),
});

/** One request that may have changed something. */
export interface AuditedWrite {
  readonly at: Date;
  readonly by: string;
  /** The pod whose token was shown. */
  readonly pod: string | undefined;
  /** `patch deployments/status tenant-acme/support` */
  readonly what: string;
  readonly resource: string;
  readonly name: string;
  readonly verb: string;
  /** HTTP status of the answer; 0 when none was recorded. */
  readonly code: number;
}

const writes = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

/** Reads on from wherever the last look ended. */
export class AuditLog {
  readonly #file: string;
  #offset: number;

  private constructor(file: string, offset: number) {
    this.#file = file;
    this.#offset = offset;
  }

  /** Knows nothing of what was written before now. */
  static async from(file: string): Promise<AuditLog> {
    return new AuditLog(file, (await stat(file)).size);
  }

  /** What was written since the last call, a line that is not whole yet left for the next. */
  async take(): Promise<AuditedWrite[]> {
    const file = await open(this.#file);
    try {
      const { size } = await file.stat();
      if (size < this.#offset) this.#offset = 0; // the server has begun another file
      const buffer = Buffer.alloc(size - this.#offset);
      await file.read(buffer, 0, buffer.length, this.#offset);
      const end = buffer.lastIndexOf('\n') + 1;
      this.#offset += end;
      return buffer.subarray(0, end).toString('utf8').split('\n').filter(Boolean).flatMap(writeOf);
    } finally {
      await file.close();
    }
  }
}

function writeOf(line: string): AuditedWrite[] {
  const { verb, requestReceivedTimestamp, user, objectRef, responseStatus } = auditEvent.parse(JSON.parse(line));
  if (!writes.has(verb)) return [];
  const { resource = '', subresource = '', namespace = '', name = '' } = objectRef ?? {};
  const what = `${verb} ${resource}${subresource === '' ? '' : `/${subresource}`} ${namespace}/${name}`;
  const pod = user.extra?.['authentication.kubernetes.io/pod-name']?.[0];
  return [{ at: new Date(requestReceivedTimestamp), by: user.username, pod, what, resource, name, verb, code: responseStatus?.code ?? 0 }];
}
