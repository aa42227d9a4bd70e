import { pino, type DestinationStream, type Logger } from 'pino';

export type { Logger } from 'pino';

/** Fields whose values never reach a log, wherever they stand. Prompts and answers are content and count as such. */
const censored = [
  'authorization',
  'apiKey',
  'api_key',
  'password',
  'secret',
  'token',
  'cookie',
  'messages',
  'content',
  'prompt',
  'instructions',
];

export interface LoggerOptions {
  /** The component, for example `edge`. */
  readonly name: string;
  readonly level?: string;
  /** On every line, for example `{ tenant: 'acme' }`. */
  readonly fields?: Readonly<Record<string, string>>;
  readonly destination?: DestinationStream;
}

/** One JSON object a line: level as text, ISO time, `name`, the given fields. */
export function createLogger({ name, level = 'info', fields = {}, destination }: LoggerOptions): Logger {
  const options = {
    name,
    level,
    base: fields,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: censored.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]), censor: '[redacted]' },
  };
  return destination ? pino(options, destination) : pino(options);
}
