/** Brings spans to a collector, as far as it takes them. */
import type { Logger } from '@cloister/telemetry';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { ExportResultCode, type ExportResult } from '@opentelemetry/core';
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter, type SpanProcessor } from '@opentelemetry/sdk-trace';
import { readFile } from 'node:fs/promises';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Exporting } from './tracing.ts';

/** Spans that wait for the collector, or are on their way to it: about 8 MB. */
export const mostWaiting = 8_192;

/** Milliseconds for a message and its repetitions, from before the connection to the end of the answer; and for all that is left at the end. */
const sendingTime = 5_000;

export function boundedExport({ endpoint, headersFile, count, log }: Exporting): SpanProcessor {
  let waiting = 0;
  const connections = new (endpoint.startsWith('https:') ? HttpsAgent : HttpAgent)({ keepAlive: true });
  const exporter = new OTLPTraceExporter({
    url: endpoint,
    timeoutMillis: sendingTime,
    httpAgentOptions: () => connections,
    ...(headersFile === undefined ? {} : { headers: headersIn(headersFile, log) }),
  });
  const told = tellOfChanges(log, 'spans cannot be exported', 'spans are exported again');
  const counting: SpanExporter = {
    export: (batch, done) => {
      const end = (result: ExportResult) => {
        waiting -= batch.length;
        count(result.error ? 'failed' : 'exported', batch.length);
        told(result.error);
        done(result);
      };
      const failed = (cause: unknown) => end({ code: ExportResultCode.FAILED, error: new Error('they make no message', { cause }) });
      inTime(exporter, batch, () => connections.destroy()).then(end, failed);
    },
    shutdown: () => exporter.shutdown(),
  };
  const batches = new BatchSpanProcessor({ exporter: counting, maxQueueSize: mostWaiting, scheduledDelayMillis: 1_000 });
  return {
    onStart: () => undefined,
    onEnd: (span) => {
      if (waiting >= mostWaiting) count('dropped', 1);
      else {
        waiting++;
        batches.onEnd(span);
      }
    },
    forceFlush: () => batches.forceFlush(),
    shutdown: () => Promise.race([batches.shutdown(), sleep(sendingTime, undefined, { ref: false })]).finally(() => connections.destroy()),
  };
}

/**
 * What became of them within {@link sendingTime}; cuts off what takes longer. The exporter's own time begins with the connection, which may not come about
 * for minutes, and again with each byte of the answer.
 */
const inTime = (exporter: SpanExporter, batch: ReadableSpan[], cutOff: () => void): Promise<ExportResult> =>
  new Promise((resolve) => {
    const deadline = setTimeout(() => {
      resolve({ code: ExportResultCode.FAILED, error: new Error(`the collector took longer than ${sendingTime / 1_000} s`) });
      cutOff();
    }, sendingTime);
    exporter.export(batch, (result) => {
      clearTimeout(deadline);
      resolve(result);
    });
  });

/** Once when something goes wrong that went well, and once when it goes well again. */
function tellOfChanges(log: Logger, fails: string, again: string): (error: Error | undefined) => void {
  let failing = false;
  return (error) => {
    if (error && !failing) log.warn({ reason: error.message }, fails);
    if (!error && failing) log.info({}, again);
    failing = error !== undefined;
  };
}

/** Read for each message. None, and the log says so, where they cannot be read: the collector then refuses what comes, which is counted. */
function headersIn(file: string, log: Logger): () => Promise<Record<string, string>> {
  const told = tellOfChanges(log, 'headers for the collector cannot be read', 'headers for the collector are read again');
  return async () => {
    try {
      const headers = parseHeaders(await readFile(file, 'utf8'));
      told(undefined);
      return headers;
    } catch (error) {
      told(error instanceof Error ? error : new Error(String(error)));
      return {};
    }
  };
}

/** As in OTEL_EXPORTER_OTLP_HEADERS, or with a line for each. What has no name or no value is left out. */
function parseHeaders(text: string): Record<string, string> {
  const pairs = text.split(/[,\n]/).map((pair) => {
    const at = pair.indexOf('=');
    return [pair.slice(0, Math.max(at, 0)).trim(), pair.slice(at + 1).trim()] as const;
  });
  return Object.fromEntries(pairs.filter(([name, value]) => name !== '' && value !== ''));
}
