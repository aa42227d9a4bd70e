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
  return pino(options, destination ?? linesTogether(process.stdout.fd));
}

/**
 * Writes to `file`, an open one, what was logged in one turn of the event loop, in one go: under load a write costs more than the line. A process
 * that ends in any way but by SIGKILL or a crash of Node itself has written all.
 */
export function linesTogether(file: number): DestinationStream {
  const lines = pino.destination({ fd: file, sync: true, minLength: mostHeldBack });
  let due = false;
  const write = (): void => {
    if (due) lines.flush();
    due = false;
  };
  process.once('exit', write);
  return {
    write: (line) => {
      lines.write(line);
      if (!due) setImmediate(write);
      due = true;
    },
  };
}

/** In bytes. More is written at once; sonic-boom writes 16 KiB at a time. */
const mostHeldBack = 8 * 1024;
