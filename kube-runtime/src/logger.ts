/** What this library needs of a logger; pino fits. Objects never hold request or response bodies. */
export interface Logger {
  /** What a developer wants to see. */
  debug(fields: object, message: string): void;
  /** What an administrator wants to see. */
  info(fields: object, message: string): void;
  /** What mends itself, or is tried again. */
  warn(fields: object, message: string): void;
  /** What needs somebody. */
  error(fields: object, message: string): void;
}

/** Drops every line. */
export const silentLogger: Logger = { debug: drop, info: drop, warn: drop, error: drop };

function drop(): void {
  // nobody asked for logs
}

/** JSON lines on standard error, for programs without a logger of their own. */
export function consoleLogger(): Logger {
  const line = (level: string) => (fields: object, message: string) => {
    process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), level, ...fields, msg: message })}\n`);
  };
  return { debug: drop, info: line('info'), warn: line('warn'), error: line('error') };
}

/** The same logger with fields that every line carries. */
export function withFields(log: Logger, fixed: object): Logger {
  return {
    debug: (fields, message) => log.debug({ ...fixed, ...fields }, message),
    info: (fields, message) => log.info({ ...fixed, ...fields }, message),
    warn: (fields, message) => log.warn({ ...fixed, ...fields }, message),
    error: (fields, message) => log.error({ ...fixed, ...fields }, message),
  };
}
