/** An attempt as a span within that of its request, by OpenTelemetry's conventions for generative AI. */
import type { ProviderDocument } from '@cloister/tenancy';
import type { Recorded } from '../../tracing/tracing.ts';
import type { Cost } from '../budget/usage-sheet.ts';
import { NeverSent, ProviderFailure } from '../providers/provider.ts';
import type { Attempt } from './attempt.ts';

/** Names that the conventions have. Other providers go by those that the platform gave them. */
const wellKnown: Partial<Record<ProviderDocument['type'], string>> = {
  OpenAI: 'openai',
  AzureOpenAI: 'azure.ai.openai',
  Anthropic: 'anthropic',
  Gemini: 'gcp.gemini',
  Bedrock: 'aws.bedrock',
};

/** Undefined where the request is not recorded. To be made when the attempt begins. */
export function attemptSpan(call: Attempt): AttemptSpan | undefined {
  const { recorded } = call.exchange;
  return recorded && new AttemptSpan(recorded, call);
}

export class AttemptSpan {
  readonly #span: Recorded;
  readonly #isHttp: boolean;
  readonly #gone: AbortSignal;

  constructor(request: Recorded, call: Attempt) {
    const { operation, target, tally, exchange } = call;
    this.#gone = exchange.gone;
    const { provider, model } = target;
    const { attempts, last } = tally.soFar;
    this.#isHttp = provider.baseURL !== undefined;
    this.#span = request.asking(`${operation.name} ${model.name}`, {
      'gen_ai.operation.name': operation.name,
      'gen_ai.provider.name': wellKnown[provider.type] ?? provider.name,
      'gen_ai.request.model': model.name,
      'gen_ai.request.stream': operation.stream,
      ...serverOf(provider),
      'cloister.provider': provider.name,
      'cloister.attempt': attempts + 1,
      'cloister.attempt.kind': kindOf(call),
      'cloister.attempt.after': last?.ending,
    });
  }

  /** It never went out. */
  refused(code: string): void {
    this.#span.end({ attributes: { 'cloister.outcome': code, 'cloister.sent': false }, error: code });
  }

  /** `problem` is its code, `error` what it came from. */
  ended({ inputTokens, outputTokens, microUsd }: Cost, problem: string | undefined, error: unknown): void {
    const answered = this.#isHttp && problem === undefined ? 200 : undefined;
    this.#span.end({
      attributes: {
        'http.response.status_code': error instanceof ProviderFailure ? error.status : answered,
        'gen_ai.usage.input_tokens': inputTokens,
        'gen_ai.usage.output_tokens': outputTokens,
        'cloister.cost.micro_usd': Number(microUsd),
        'cloister.outcome': problem ?? 'answered',
        'cloister.sent': !(error instanceof NeverSent),
      },
      error: problem,
    });
  }

  /** Where nobody has said how it ended: the caller had left before it went out, or something is wrong with us. */
  left(): void {
    this.refused(this.#gone.aborted ? 'caller_gone' : 'unexpected');
  }
}

/** Why there is this attempt, after those before it. */
function kindOf({ tally, model, exchange }: Attempt): 'first' | 'retry' | 'downgrade' | 'fallback' {
  const { last } = tally.soFar;
  if (!last) return 'first';
  if (last.model === model) return 'retry';
  return exchange.facts['downgradedTo'] === model ? 'downgrade' : 'fallback';
}

function serverOf({ baseURL }: ProviderDocument) {
  if (baseURL === undefined) return {};
  const { hostname, port, protocol } = new URL(baseURL);
  return { 'server.address': hostname, 'server.port': port === '' ? (protocol === 'http:' ? 80 : 443) : Number(port) };
}
