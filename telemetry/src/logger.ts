import { pino, type DestinationStream, type Logger } from 'pino';
import { censor, errorFacts } from './censor.ts';

export type { Logger } from 'pino';

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
    formatters: { level: (label: string) => ({ level: label }), log: censor },
    serializers: { err: errorFacts },
  };
  return destination ? pino(options, destination) : pino(options);
}
