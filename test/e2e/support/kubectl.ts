/** kubectl as a platform engineer would call it, against the cluster under test. */
import { spawn } from 'node:child_process';
import { z } from 'zod';

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string | undefined;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number | undefined;
  readonly creationTimestamp: string;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly finalizers?: readonly string[] | undefined;
}

const condition = z.looseObject({
  type: z.string(),
  status: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
  observedGeneration: z.number().optional(),
});
export type Condition = z.infer<typeof condition>;

const strings = z.record(z.string(), z.string());
const objectSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    uid: z.string(),
    resourceVersion: z.string(),
    generation: z.number().optional(),
    creationTimestamp: z.string(),
    labels: strings.optional(),
    annotations: strings.optional(),
    finalizers: z.array(z.string()).optional(),
  }),
  spec: z.looseObject({}).optional(),
  data: strings.optional(),
  status: z.looseObject({ conditions: z.array(condition).optional() }).optional(),
});
export type AnyObject = z.infer<typeof objectSchema>;

export class Kubectl {
  readonly #kubeconfig: string;
  readonly #binary: string;

  constructor(kubeconfig: string, binary: string) {
    this.#kubeconfig = kubeconfig;
    this.#binary = binary;
  }

  /** Runs to its end, whatever its exit code. */
  async try(args: readonly string[], stdin = ''): Promise<Finished> {
    const child = spawn(this.#binary, args, { env: { ...process.env, KUBECONFIG: this.#kubeconfig }, stdio: ['pipe', 'pipe', 'pipe'] });
    const collected = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (collected.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (collected.stderr += text));
    child.stdin.end(stdin);
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', reject).once('close', (exit) => resolve(exit ?? -1));
    });
    return { code, ...collected };
  }

  /** Standard output; throws with standard error where the command fails. */
  async run(args: readonly string[], stdin = ''): Promise<string> {
    const { code, stdout, stderr } = await this.try(args, stdin);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${code}: ${stderr.trim()}`);
    return stdout;
  }

  apply(manifest: object | readonly object[]): Promise<string> {
    return this.run(['apply', '-f', '-'], toList(manifest));
  }

  tryApply(manifest: object | readonly object[]): Promise<Finished> {
    return this.try(['apply', '-f', '-'], toList(manifest));
  }

  async get(resource: string, name: string, namespace?: string): Promise<AnyObject | undefined> {
    const text = await this.run(['get', resource, name, '-o', 'json', '--ignore-not-found', ...inNamespace(namespace)]);
    return text.trim() === '' ? undefined : objectSchema.parse(JSON.parse(text));
  }

  async list(resource: string, args: readonly string[] = []): Promise<AnyObject[]> {
    const text = await this.run(['get', resource, '-o', 'json', ...args]);
    return z.object({ items: z.array(objectSchema) }).parse(JSON.parse(text)).items;
  }
}

export const inNamespace = (namespace: string | undefined): string[] => (namespace === undefined ? [] : ['-n', namespace]);

const toList = (manifest: object | readonly object[]): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'List', items: Array.isArray(manifest) ? manifest : [manifest] });

export const conditionOf = (object: AnyObject | undefined, type: string): Condition | undefined =>
  object?.status?.conditions?.find((candidate) => candidate.type === type);
